//! What came of it.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::task::JoinError;

use super::client::Outcome;
use super::run::Class;

/// The longest latency that is told apart, in microseconds.
const LONGEST: u64 = 60_000_000;

/// Counts and latencies by class.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Requests a second that were meant to begin.
    rate: f64,
    /// Answers a second.
    reached: f64,
    seconds: f64,
    writes: Measured,
    counts: Measured,
    popular: Measured,
}

#[derive(Debug, Serialize)]
struct Measured {
    answered: u64,
    refused: u64,
    failed: u64,
    /// Of what was answered, from the intended begin.
    latency_ms: Latency,
    #[serde(skip)]
    microseconds: Histogram<u64>,
}

#[derive(Debug, Default, Serialize)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Report {
    pub(super) fn new(rate: f64) -> Self {
        let measured = || Measured {
            answered: 0,
            refused: 0,
            failed: 0,
            latency_ms: Latency::default(),
            microseconds: Histogram::new_with_max(LONGEST, 3).expect("bounds that fit"),
        };
        let (writes, counts, popular) = (measured(), measured(), measured());
        Self { rate, reached: 0.0, seconds: 0.0, writes, counts, popular }
    }

    pub(super) fn take(&mut self, done: Result<(Class, Outcome, Duration), JoinError>) {
        // A task that panicked has told so itself.
        let Ok((class, outcome, took)) = done else { return };
        let measured = match class {
            Class::Write => &mut self.writes,
            Class::Counts => &mut self.counts,
            Class::Popular => &mut self.popular,
        };
        match outcome {
            Outcome::Answered => {
                measured.answered += 1;
                let took = u64::try_from(took.as_micros()).unwrap_or(LONGEST);
                measured.microseconds.saturating_record(took);
            }
            Outcome::Refused => measured.refused += 1,
            Outcome::Failed => measured.failed += 1,
        }
    }

    pub(super) fn took(&mut self, took: Duration) {
        self.seconds = took.as_secs_f64();
        let all = [&mut self.writes, &mut self.counts, &mut self.popular];
        let mut answered = 0;
        for measured in all {
            answered += measured.answered;
            measured.latency_ms = Latency::of(&measured.microseconds);
        }
        self.reached = answered as f64 / self.seconds;
    }

    pub(super) fn is_clean(&self) -> bool {
        let all = [&self.writes, &self.counts, &self.popular];
        all.iter().all(|measured| measured.refused + measured.failed == 0)
    }
}

impl Latency {
    fn of(microseconds: &Histogram<u64>) -> Self {
        let ms = |microseconds: u64| microseconds as f64 / 1000.0;
        let at = |quantile| ms(microseconds.value_at_quantile(quantile));
        let max = ms(microseconds.max());
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, reached, seconds, .. } = self;
        writeln!(f, "{reached:.1} answers a second of {rate} intended, in {seconds:.1} s")?;
        write!(f, "{:10}{:>10}{:>9}{:>8}", "", "answered", "refused", "failed")?;
        write!(f, "{:>10}{:>10}{:>10}{:>10}{:>10}  ms", "p50", "p90", "p99", "p99.9", "max")?;
        let rows = [("writes", &self.writes), ("counts", &self.counts), ("popular", &self.popular)];
        for (name, Measured { answered, refused, failed, latency_ms, .. }) in rows {
            let Latency { p50, p90, p99, p999, max } = latency_ms;
            write!(f, "\n{name:10}{answered:>10}{refused:>9}{failed:>8}")?;
            write!(f, "{p50:>10.1}{p90:>10.1}{p99:>10.1}{p999:>10.1}{max:>10.1}")?;
        }
        Ok(())
    }
}
