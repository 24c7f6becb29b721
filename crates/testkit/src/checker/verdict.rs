use std::collections::BTreeSet;
use std::fmt;

use kudos_core::PostId;

/// The most differences of one copy that a verdict lists, so that none hides another.
const LISTED: usize = 20;

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The copy in which it was found.
    pub copy: String,
    /// The post.
    pub post: PostId,
    /// What of it.
    pub what: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { copy, post, what, expected, found } = self;
        write!(f, "{copy}: {post}: {what}: expected {expected}, found {found}")
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The first differences, a bounded number.
    pub differences: Vec<Difference>,
    /// How many there are in all.
    pub found: usize,
    /// The keys of operations that were acknowledged, and that the truth does not have.
    pub false_acknowledgements: BTreeSet<String>,
}

impl Verdict {
    /// Whether every copy holds exactly what was acknowledged.
    pub fn is_exact(&self) -> bool {
        self.found == 0
    }

    /// Whether something is wrong in that copy.
    pub fn blames(&self, copy: &str) -> bool {
        self.differences.iter().any(|difference| difference.copy == copy)
    }

    pub(super) fn add(&mut self, difference: Difference) {
        self.found += 1;
        let same = self.differences.iter().filter(|listed| listed.copy == difference.copy);
        if same.count() < LISTED {
            self.differences.push(difference);
        }
    }

    /// An operation was acknowledged, and the truth does not have it.
    pub(super) fn lost(&mut self, key: Option<String>) {
        self.false_acknowledgements.extend(key);
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_exact() {
            return f.write_str("EXACT");
        }
        let lost = &self.false_acknowledgements;
        write!(f, "{} differences, {} false acknowledgements", self.found, lost.len())?;
        lost.iter().take(LISTED).try_for_each(|key| write!(f, " {key}"))?;
        self.differences.iter().try_for_each(|difference| write!(f, "\n  {difference}"))
    }
}
