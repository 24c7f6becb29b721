//! What an examination of a dependency found, and what to do about it.
//!
//! Each adapter examines its own engine and answers with a list of these; `kudosctl doctor` shows
//! them. An examination asks everything that it can, and a question that gets no answer is a
//! finding too.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// Clocks that differ by no more are taken for equal: nothing in Kudos is finer.
const CLOCKS_AGREE: Duration = Duration::from_secs(1);
/// As long as a window of the outage journal: beyond it, windows are closed and swept at the wrong
/// time.
const CLOCKS_CONTRADICT: Duration = Duration::from_secs(10);

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing, and possibly meant.
    Notice,
    /// Works, and will not survive what it should, or is slower than it has to be.
    Warning,
    /// Does not work, or loses what was acknowledged.
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whose it is: a node, a topic, an index, a cluster.
    pub about: String,
    /// What was looked at: a setting by the engine's own name, or a few words.
    pub what: String,
    /// What was found there.
    pub found: String,
    /// How bad that is.
    pub severity: Severity,
    /// What to do; there is something unless all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    /// Something that is as it should be, as far as nothing else is said.
    pub fn ok(about: &str, what: &str, found: impl ToString) -> Self {
        let (about, what, found) = (about.to_owned(), what.to_owned(), found.to_string());
        Self { about, what, found, severity: Severity::Ok, advice: None }
    }

    /// The same, and worse unless it is `fine`. Of several such judgements the worst stays, and of
    /// equal ones the first.
    #[must_use]
    pub fn unless(mut self, fine: bool, severity: Severity, advice: impl Into<String>) -> Self {
        if !fine && severity > self.severity {
            self.severity = severity;
            self.advice = Some(advice.into());
        }
        self
    }

    /// The same as a notice.
    #[must_use]
    pub fn notice(self, advice: impl Into<String>) -> Self {
        self.unless(false, Severity::Notice, advice)
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(self, advice: impl Into<String>) -> Self {
        self.unless(false, Severity::Warning, advice)
    }

    /// The same as an error.
    #[must_use]
    pub fn error(self, advice: impl Into<String>) -> Self {
        self.unless(false, Severity::Error, advice)
    }

    /// Nobody answers; `advice` is what the adapter says to that.
    pub fn unreachable(about: &str, advice: impl Into<String>) -> Self {
        Self::ok(about, "answers", "no").error(advice)
    }
}

/// The moment at which a machine was asked what time it is.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    clock: SystemTime,
    at: Instant,
}

impl Asked {
    /// Now.
    pub fn now() -> Self {
        Self { clock: SystemTime::now(), at: Instant::now() }
    }

    /// Compares the clock of the machine, in milliseconds since 1970, with this one's. It was read
    /// at some time between question and answer, which excuses as much.
    pub fn clock(self, about: &str, theirs_ms: u64) -> Finding {
        let ours = self.clock.duration_since(UNIX_EPOCH).unwrap_or_default();
        compare(about, ours, Duration::from_millis(theirs_ms), self.at.elapsed())
    }
}

fn compare(about: &str, asked: Duration, theirs: Duration, took: Duration) -> Finding {
    let behind = asked.saturating_sub(theirs);
    let ahead = theirs.saturating_sub(asked.saturating_add(took));
    let (off, way) = if behind > ahead { (behind, "behind") } else { (ahead, "ahead of") };
    let found = if off <= CLOCKS_AGREE {
        format!("within {} s of this machine's", CLOCKS_AGREE.as_secs())
    } else {
        format!("{:.1} s {way} this machine's", off.as_secs_f64())
    };
    let advice = "set both clocks by NTP (chrony, systemd-timesyncd): times of posts, the journal's \
                  windows and tokens are compared across machines";
    Finding::ok(about, "clock", found)
        .unless(off <= CLOCKS_CONTRADICT, Severity::Error, advice)
        .unless(off <= CLOCKS_AGREE, Severity::Warning, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_judgements_the_worst_stays() {
        let finding = Finding::ok("a:1", "x", 1)
            .unless(true, Severity::Error, "never said")
            .notice("first")
            .warning("second")
            .notice("too late");
        assert_eq!(
            (finding.severity, finding.advice.as_deref()),
            (Severity::Warning, Some("second"))
        );
    }

    #[test]
    fn what_is_fine_has_no_advice() {
        let finding = Finding::ok("a:1", "x", 1).unless(true, Severity::Error, "never said");
        assert_eq!((finding.severity, finding.advice), (Severity::Ok, None));
    }

    #[test]
    fn a_slow_answer_excuses_as_much_of_a_difference() {
        let found = |asked, theirs, took| {
            let [asked, theirs, took] = [asked, theirs, took].map(Duration::from_millis);
            let finding = compare("a:1", asked, theirs, took);
            (finding.severity, finding.found)
        };
        let well = (Severity::Ok, "within 1 s of this machine's".to_owned());
        assert_eq!(found(50_000, 50_000, 0), well);
        assert_eq!(found(50_000, 52_500, 1_600), well);
        let ahead = (Severity::Warning, "2.5 s ahead of this machine's".to_owned());
        assert_eq!(found(50_000, 52_500, 0), ahead);
        let behind = (Severity::Error, "11.0 s behind this machine's".to_owned());
        assert_eq!(found(50_000, 39_000, 5_000), behind);
    }
}
