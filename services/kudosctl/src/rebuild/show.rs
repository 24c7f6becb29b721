//! What is seen of a rebuild while it runs, on stderr: a bar at a terminal, else a line of JSON a
//! second.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use kudos_rebuild::{Phase, Progress, Step};
use serde::Serialize;

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(250);
/// The least time between two lines of one phase.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// One line.
#[derive(Debug, PartialEq, Serialize)]
struct Line {
    phase: &'static str,
    done: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u64>,
    per_second: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<String>,
}

/// A phase since it was seen first.
struct Seen {
    phase: Phase,
    since: Instant,
    /// What was done of it then, in another process.
    before: u64,
}

impl Seen {
    fn line(&self, step: &Step, elapsed: Duration) -> Line {
        // What was done before the first look would be a rate without measure.
        let seconds = elapsed.as_secs_f64().max(1.0);
        let eta = |(part, of): (u64, u64)| {
            let new = part.checked_sub(self.before).filter(|&new| new > 0)?;
            Some((seconds * of.saturating_sub(part) as f64 / new as f64) as u64)
        };
        Line {
            phase: step.phase.as_str(),
            done: step.done,
            percent: step.part.map(|(part, of)| part.saturating_mul(100) / of.max(1)),
            per_second: (step.done as f64 / seconds) as u64,
            eta_seconds: step.part.and_then(eta),
            waits: step.waits.clone(),
        }
    }
}

/// Shows progress until it is dropped.
pub(crate) async fn follow(progress: &Progress) {
    let bar = std::io::stderr().is_terminal().then(new_bar);
    let (mut seen, mut told): (Option<Seen>, Option<Instant>) = (None, None);
    loop {
        let step = progress.step();
        if seen.as_ref().is_none_or(|seen| seen.phase != step.phase) {
            let before = step.part.map_or(0, |(part, _)| part);
            seen = Some(Seen { phase: step.phase, since: Instant::now(), before });
            told = None;
        }
        if let Some(seen) = &seen {
            let line = seen.line(&step, seen.since.elapsed());
            match &bar {
                Some(bar) => draw(bar, &step, &line),
                None if told.is_none_or(|at| at.elapsed() >= LINE_INTERVAL) => {
                    told = Some(Instant::now());
                    // What cannot be told is no reason to stop.
                    let _ = serde_json::to_string(&line).map(|line| print(&line));
                }
                None => {}
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Without colours, so that there is nothing for `NO_COLOR` to switch off.
fn new_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:10} {wide_bar} {msg}");
    ProgressBar::new(100).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn draw(bar: &ProgressBar, step: &Step, line: &Line) {
    let left = line
        .eta_seconds
        .map(|left| format!(", {} left", humantime::format_duration(Duration::from_secs(left))));
    let waits = line.waits.as_ref().map(|what| format!(", WAITS: {what}"));
    bar.set_prefix(step.phase.as_str());
    bar.set_position(line.percent.unwrap_or(0));
    bar.set_message(format!(
        "{}, {} a second{}{}",
        line.done,
        line.per_second,
        left.unwrap_or_default(),
        waits.unwrap_or_default()
    ));
}

/// A line of its own for so many events, whatever else is shown.
pub(crate) fn replayed(events: u64) {
    if std::io::stderr().is_terminal() {
        print(&format!("\rreplayed {events} events"));
    } else {
        print(&format!(r#"{{"phase":"replaying","events":{events}}}"#));
    }
}

pub(crate) fn print(line: &str) {
    // Nobody to tell is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(before: u64) -> Seen {
        Seen { phase: Phase::Filling, since: Instant::now(), before }
    }

    #[test]
    fn the_time_left_follows_from_what_was_done_in_this_process() {
        let step = Step { phase: Phase::Filling, done: 500, part: Some((75, 100)), waits: None };
        let line = seen(50).line(&step, Duration::from_secs(10));
        assert_eq!((line.per_second, line.percent, line.eta_seconds), (50, Some(75), Some(10)));
        let text = serde_json::to_string(&line).unwrap();
        let shown =
            r#"{"phase":"filling","done":500,"percent":75,"per_second":50,"eta_seconds":10}"#;
        assert_eq!(text, shown);
    }

    #[test]
    fn nothing_done_yet_tells_no_time() {
        let step = Step { phase: Phase::Filling, part: Some((0, 0)), ..Step::default() };
        let line = seen(0).line(&step, Duration::ZERO);
        assert_eq!((line.per_second, line.percent, line.eta_seconds), (0, Some(0), None));
    }
}
