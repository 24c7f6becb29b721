//! How far a command is, on stderr: a bar at a terminal, else a line of JSON a second.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// The least time between two lines about the same task.
const INTERVAL: Duration = Duration::from_secs(1);

/// Where a command is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// What is being done.
    pub(crate) task: &'static str,
    /// How much of it is done.
    pub(crate) done: u64,
    /// How far it is, and what that is at its end; none if nobody knows.
    pub(crate) part: Option<(u64, u64)>,
    /// Differences found, by what compares.
    pub(crate) differing: Option<u64>,
    /// What is waited for because it fails.
    pub(crate) waits: Option<String>,
}

impl From<kudos_verify::Progress> for Step {
    fn from(progress: kudos_verify::Progress) -> Self {
        let kudos_verify::Progress { task, done, differing } = progress;
        Self { task, done, differing: Some(differing), ..Self::default() }
    }
}

/// Shows progress until it is dropped.
pub(crate) struct Display {
    terminal: bool,
    task: Option<Task>,
}

struct Task {
    name: &'static str,
    bar: Option<ProgressBar>,
    began: Instant,
    /// Where it was when it was seen first: that was done before.
    before: u64,
    told: Option<Instant>,
}

/// One line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    event: &'static str,
    task: &'a str,
    done: u64,
    per_second: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    differing: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn new(step: &'a Step, before: u64, elapsed: Duration) -> Self {
        // What was done before the first look would be a rate without measure.
        let seconds = elapsed.as_secs_f64().max(1.0);
        let eta = |(part, of): (u64, u64)| {
            let new = part.checked_sub(before).filter(|&new| new > 0)?;
            Some((seconds * of.saturating_sub(part) as f64 / new as f64) as u64)
        };
        Self {
            event: "progress",
            task: step.task,
            done: step.done,
            per_second: (step.done as f64 / seconds) as u64,
            percent: step.part.map(|(part, of)| part.saturating_mul(100) / of.max(1)),
            eta_seconds: step.part.and_then(eta),
            differing: step.differing,
            waits: step.waits.as_deref(),
        }
    }

    /// What a bar cannot show.
    fn message(&self) -> String {
        let Self { done, per_second, .. } = self;
        let mut text = format!("{done}, {per_second}/s");
        if let Some(seconds) = self.eta_seconds {
            let left = humantime::format_duration(Duration::from_secs(seconds));
            text.push_str(&format!(", {left} left"));
        }
        if let Some(differing) = self.differing {
            text.push_str(&format!(", {differing} differences"));
        }
        if let Some(waits) = self.waits {
            text.push_str(&format!(", WAITS: {waits}"));
        }
        text
    }
}

impl Display {
    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), task: None }
    }

    pub(crate) fn show(&mut self, step: &Step) {
        if self.task.as_ref().is_none_or(|task| task.name != step.task) {
            self.finish();
            let before = step.part.map_or(0, |(part, _)| part);
            let bar = self.terminal.then(|| new_bar(step));
            let began = Instant::now();
            self.task = Some(Task { name: step.task, bar, began, before, told: None });
        }
        let Some(task) = &mut self.task else { return };
        let line = Line::new(step, task.before, task.began.elapsed());
        if let Some(bar) = &task.bar {
            bar.set_position(line.percent.unwrap_or(0));
            bar.set_message(line.message());
        } else if task.told.is_none_or(|told| told.elapsed() >= INTERVAL) {
            task.told = Some(Instant::now());
            // What cannot be told is no reason to stop.
            let _ = serde_json::to_string(&line).map(|line| print(&line));
        }
    }

    fn finish(&mut self) {
        if let Some(Task { bar: Some(bar), .. }) = self.task.take() {
            bar.abandon();
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Without colours, so that there is nothing for `NO_COLOR` to switch off. Without an end that is
/// known there is nothing to fill.
fn new_bar(step: &Step) -> ProgressBar {
    let (bar, template) = match step.part {
        Some(_) => (ProgressBar::new(100), "{prefix:10} {wide_bar} {msg}"),
        None => (ProgressBar::new_spinner(), "{prefix:10} {spinner} {msg}"),
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_prefix(step.task)
}

/// A line on stderr.
pub(crate) fn print(line: &str) {
    // Nobody to tell is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(step: &Step, before: u64, seconds: u64) -> String {
        serde_json::to_string(&Line::new(step, before, Duration::from_secs(seconds))).unwrap()
    }

    #[test]
    fn a_line_is_a_json_object_with_the_rate() {
        let progress = kudos_verify::Progress { task: "posts", done: 1_000, differing: 2 };
        let shown =
            r#"{"event":"progress","task":"posts","done":1000,"per_second":250,"differing":2}"#;
        assert_eq!(text(&progress.into(), 0, 4), shown);
    }

    #[test]
    fn the_time_left_follows_from_what_was_done_since_it_was_seen_first() {
        let part = Some((75, 100));
        let step = Step { task: "filling", done: 500, part, ..Step::default() };
        let shown = r#""done":500,"per_second":50,"percent":75,"eta_seconds":10}"#;
        assert!(text(&step, 50, 10).ends_with(shown));
        assert!(!text(&step, 75, 10).contains("eta"), "nothing done yet tells no time");
        let line = Line::new(&step, 50, Duration::from_secs(10));
        assert_eq!(line.message(), "500, 50/s, 10s left");
    }
}
