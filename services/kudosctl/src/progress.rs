//! How far a command is, on stderr: a bar at a terminal, else JSON lines.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use kudos_verify::Progress;
use serde_json::json;

/// The least time between two lines about the same task.
const INTERVAL: Duration = Duration::from_secs(2);

/// Shows progress until it is dropped.
pub(crate) struct Display {
    terminal: bool,
    task: Option<Task>,
}

struct Task {
    name: &'static str,
    bar: Option<ProgressBar>,
    began: Instant,
    told: Option<Instant>,
}

impl Display {
    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), task: None }
    }

    pub(crate) fn show(&mut self, progress: Progress) {
        if self.task.as_ref().is_none_or(|task| task.name != progress.task) {
            self.finish();
            let bar = self.terminal.then(|| new_bar(progress.task));
            let (name, began) = (progress.task, Instant::now());
            self.task = Some(Task { name, bar, began, told: None });
        }
        match &mut self.task {
            Some(Task { bar: Some(bar), .. }) => {
                bar.set_position(progress.done);
                bar.set_message(format!("{} differences", progress.differing));
            }
            Some(task) if task.told.is_none_or(|told| told.elapsed() >= INTERVAL) => {
                task.told = Some(Instant::now());
                print(&line(progress, task.began.elapsed()));
            }
            _ => {}
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

fn line(Progress { task, done, differing }: Progress, elapsed: Duration) -> String {
    let per_second = (done as f64 / elapsed.as_secs_f64().max(0.001)).round() as u64;
    let line = json!({
        "event": "progress", "task": task, "done": done, "per_second": per_second,
        "differing": differing,
    });
    line.to_string()
}

/// Without colours, so that there is nothing for `NO_COLOR` to switch off. How many posts there are
/// nobody knows before they were read.
fn new_bar(task: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:8} {spinner} {human_pos}  {per_sec}  {msg}");
    let bar = ProgressBar::new_spinner().with_prefix(task);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

fn print(line: &str) {
    // Nobody to tell is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_json_object_with_the_rate() {
        let progress = Progress { task: "posts", done: 1_000, differing: 2 };
        let line: serde_json::Value =
            serde_json::from_str(&line(progress, Duration::from_secs(4))).unwrap();
        let expected = json!({
            "event": "progress", "task": "posts", "done": 1000, "per_second": 250, "differing": 2,
        });
        assert_eq!(line, expected);
    }
}
