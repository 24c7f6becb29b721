//! Shows what a job says, on stderr: a bar at a terminal, else plain lines.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::jobs::Event;

/// The least time between two plain lines about the same task.
const LINE_INTERVAL: Duration = Duration::from_secs(2);

/// The progress of one job.
pub(crate) struct Display {
    terminal: bool,
    task: Option<(String, ProgressBar)>,
    last_line: Option<(String, Instant)>,
}

impl Display {
    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), task: None, last_line: None }
    }

    pub(crate) fn show(&mut self, event: Event) {
        match event {
            Event::Progress { task, done, total } if self.terminal => self.bar(&task, done, total),
            Event::Progress { task, done, total } => self.line(&task, done, total),
            Event::Note { text } => match &self.task {
                Some((_, bar)) => bar.suspend(|| print(&text)),
                None => print(&text),
            },
        }
    }

    fn bar(&mut self, task: &str, done: u64, total: Option<u64>) {
        let bar = match &self.task {
            Some((shown, bar)) if shown == task => bar,
            _ => {
                self.finish();
                &self.task.insert((task.to_owned(), new_bar(task, total))).1
            }
        };
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_position(done);
    }

    fn line(&mut self, task: &str, done: u64, total: Option<u64>) {
        let recent = |(last, at): &(String, Instant)| last == task && at.elapsed() < LINE_INTERVAL;
        if self.last_line.as_ref().is_some_and(recent) && total != Some(done) {
            return;
        }
        self.last_line = Some((task.to_owned(), Instant::now()));
        match total {
            Some(total) => print(&format!("{task}: {done} of {total}")),
            None => print(&format!("{task}: {done}")),
        }
    }

    fn finish(&mut self) {
        if let Some((_, bar)) = self.task.take() {
            bar.abandon();
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Without colours, so that there is nothing for `NO_COLOR` to switch off.
fn new_bar(task: &str, total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{msg:12} {wide_bar} {human_pos}/{human_len}  {per_sec}  {eta} left",
        None => "{msg:12} {spinner} {human_pos}  {per_sec}",
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total.unwrap_or(0)).with_style(style).with_message(task.to_owned())
}

fn print(line: &str) {
    // Nobody to tell is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}
