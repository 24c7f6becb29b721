use kudos_core::{Counts, PostId, PostState, Version};
use serde::{Deserialize, Serialize};

/// How a copy differs from the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// The copy does not hold the post.
    Missing,
    /// The copy holds an older version, and had time to learn of the newer one.
    Behind,
    /// The copy holds a version that the truth never made.
    Ahead,
    /// The counts are not those of the version, or not those of the rows.
    Counts,
    /// The post was created at another time.
    Time,
    /// The copy shows a hidden post, or hides a visible one.
    Visibility,
    /// The copy refuses the post.
    Refused,
}

impl Drift {
    /// A short, bounded word for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Behind => "behind",
            Self::Ahead => "ahead",
            Self::Counts => "counts",
            Self::Time => "time",
            Self::Visibility => "visibility",
            Self::Refused => "refused",
        }
    }
}

/// Counts at a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The version; none of rows, which have none.
    pub version: Option<Version>,
    /// The counts, in the order of kinds.
    pub counts: Counts,
}

impl From<&PostState> for Held {
    fn from(state: &PostState) -> Self {
        Self { version: Some(state.version), counts: state.counts.clone() }
    }
}

/// A post of which a copy is not what the truth says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The post.
    pub post: PostId,
    /// Which copy: `rows`, the truth's own, `live`, or the name of a projection.
    pub copy: String,
    /// How it differs.
    pub drift: Drift,
    /// What the truth says. Of `rows`: the counts beside them.
    pub truth: Held,
    /// What the copy says, if it is known.
    pub found: Option<Held>,
    /// Whether it was repaired.
    pub repaired: bool,
}

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Posts that were looked at.
    pub posts: u64,
    /// Posts whose rows were counted anew.
    pub recounted: u64,
    /// Posts that could not be judged: a copy did not answer, or they changed all the time.
    pub unsettled: u64,
    /// Differences found.
    pub drifted: u64,
    /// Differences repaired.
    pub repaired: u64,
    /// The first differences, a bounded number.
    pub differences: Vec<Difference>,
}

impl AuditReport {
    /// Whether every post could be judged and none differs, or every difference was repaired.
    pub fn is_clean(&self) -> bool {
        self.unsettled == 0 && self.drifted == self.repaired
    }

    pub(super) fn add(&mut self, difference: Difference, listed: usize) {
        self.drifted += 1;
        self.repaired += u64::from(difference.repaired);
        if self.differences.len() < listed {
            self.differences.push(difference);
        }
    }
}
