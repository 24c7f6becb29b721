use kudos_verify::Report;
use serde::Serialize;

/// What a rebuild came to.
#[derive(Debug, Default, Serialize)]
pub struct RebuildReport {
    /// Events of the log that were replayed, those before a resume included.
    pub events: u64,
    /// Posts that were told first because the index has them as the hottest.
    pub hottest: u64,
    /// Posts that were told from the truth; of a rebuild that was resumed, since then.
    pub told: u64,
    /// Whether the orders lack nothing; none if that cannot be known, as not everything was rebuilt.
    pub complete: Option<bool>,
    /// How what is there compares with the truth at the end. After a replay, what differs is what
    /// the log could not cover.
    pub verified: Report,
}

impl RebuildReport {
    /// Whether nothing is wrong any more.
    pub fn is_right(&self) -> bool {
        self.complete != Some(false) && is_right(&self.verified)
    }
}

/// Whether everything was compared, and nothing differs any more.
pub(crate) fn is_right(report: &Report) -> bool {
    report.is_complete() && report.is_clean() && report.unknown.is_empty()
}
