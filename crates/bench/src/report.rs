//! What people read: progress and failures on standard error, the table on standard output.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};

use crate::pairs::Spread;

/// One line of the table.
pub(crate) struct Row {
    /// What is measured.
    pub(crate) name: &'static str,
    /// What Kudos did.
    pub(crate) kudos: String,
    /// What it is held against, in the same run.
    pub(crate) against: String,
    /// The figure that has a target.
    pub(crate) figure: String,
    /// The target in words.
    pub(crate) reach: &'static str,
    /// Whether it was reached; none for rows without a target.
    pub(crate) reached: Option<bool>,
}

impl Row {
    /// A row whose figure is a ratio that shall be at least `reach`.
    pub(crate) fn at_least(
        name: &'static str,
        (kudos, against): (String, String),
        ratio: Spread,
        (least, reach): (f64, &'static str),
    ) -> Self {
        let (figure, reached) = (ratio.to_string(), Some(ratio.median >= least));
        Self { name, kudos, against, figure, reach, reached }
    }

    /// A row whose figure shall be at most `reach`.
    pub(crate) fn at_most(
        name: &'static str,
        (kudos, against): (String, String),
        (figure, unit): (Spread, &str),
        (most, reach): (f64, &'static str),
    ) -> Self {
        Self {
            name,
            kudos,
            against,
            figure: format!("{figure}{unit}"),
            reach,
            reached: Some(figure.median <= most),
        }
    }
}

/// Prints the rows as a table in Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text =
        String::from("| | Kudos | against | figure | reach | |\n|---|---|---|---|---|---|\n");
    for Row { name, kudos, against, figure, reach, reached } in rows {
        let verdict = reached.map_or("", |reached| if reached { "reached" } else { "**missed**" });
        text += &format!("| {name} | {kudos} | {against} | {figure} | {reach} | {verdict} |\n");
    }
    text
}

/// Writes text to standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())
}

/// Tells who waits how far the run is. Nobody is left to tell when standard error is closed.
pub(crate) fn progress(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes `error` and its causes on one line of standard error.
pub(crate) fn failure(error: &dyn Error) {
    let mut line = format!("kudos-bench: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    progress(line);
}
