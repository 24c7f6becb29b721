//! What was seen, as rows of a table.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

use kudos_testkit::checker::{Figure, Latency};

/// One promise, and what was seen of it.
struct Line {
    must: String,
    seen: String,
    holds: bool,
}

/// A row of the table of faults.
pub(crate) struct Row {
    number: u8,
    fault: &'static str,
    lines: Vec<Line>,
}

impl Row {
    pub(crate) fn new(number: u8, fault: &'static str) -> Self {
        Self { number, fault, lines: Vec::new() }
    }

    /// Something that has to be so.
    pub(crate) fn must(&mut self, what: &str, seen: impl ToString, holds: bool) {
        self.lines.push(Line { must: what.to_owned(), seen: seen.to_string(), holds });
    }

    /// Something that may take so long at most.
    pub(crate) fn within(&mut self, what: &str, limit: Duration, took: Duration) {
        let must = format!("{what} ≤ {limit:?}");
        self.must(&must, format!("{took:.1?}"), took <= limit);
    }

    /// Requests of which at least a share has to be answered.
    pub(crate) fn share(&mut self, what: &str, least: f64, figure: &Figure) {
        let (all, worst) = (figure.all(), figure.worst().map_or(1.0, |(_, worst)| worst.share()));
        let Latency { p50, p99, max, .. } = figure.latency;
        let must = format!("{what} ≥ {:.1} %", least * 100.0);
        let [share, worst] = [all.share(), worst].map(|share| share * 100.0);
        let seen = format!(
            "{share:.2} % of {}, in the worst second {worst:.0} %; p50 {p50:.1?}, p99 {p99:.1?}, \
             slowest {max:.0?}",
            all.sent
        );
        self.must(&must, seen, all.share() >= least);
    }

    /// Prints the row, keeps it for the table, and fails if something was not so.
    pub(crate) fn end(self) {
        let cell = |text: fn(&Line) -> String| {
            self.lines.iter().map(text).collect::<Vec<_>>().join("<br>")
        };
        let must = cell(|line| line.must.clone());
        let seen = cell(|line| match line.holds {
            true => line.seen.clone(),
            false => format!("**{}**", line.seen),
        });
        let text = format!("| {} | {} | {must} | {seen} |", self.number, self.fault);
        println!("{text}");
        if let Ok(path) = std::env::var("KUDOS_FAULTS_TABLE") {
            let table = OpenOptions::new().append(true).create(true).open(path);
            writeln!(table.unwrap(), "{text}").unwrap();
        }
        let broken: Vec<_> = self.lines.iter().filter(|line| !line.holds).collect();
        let told = broken.iter().map(|line| format!("{}: {}", line.must, line.seen));
        assert!(broken.is_empty(), "{}", told.collect::<Vec<_>>().join("; "));
    }
}
