//! What every answer says of the versions of one post.

use std::collections::BTreeMap;
use std::fmt;

use kudos_core::Counts;

use super::operations::{Look, Op, PostHistory};

/// Why a history is not that of a post which does one thing after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) expected: String,
    pub(super) found: String,
    /// The key of an operation that was acknowledged, and did not happen.
    pub(super) lost: Option<String>,
}

impl Fault {
    pub(super) fn new(
        what: impl fmt::Display,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        let (what, expected) = (what.to_string(), expected.to_string());
        Self { what, expected, found: found.to_string(), lost: None }
    }
}

/// Whose answer it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Who<'a> {
    Op(&'a Op<'a>),
    Look(&'a Look<'a>),
}

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Op(op) => write!(f, "the answer to {} of {}", op.request.key, op.request.user),
            Self::Look(look) => write!(f, "a read ({:?})", look.shown.freshness),
        }
    }
}

/// All that is said of one version.
#[derive(Debug, Default)]
pub(super) struct At<'a> {
    /// The change that made it.
    pub(super) change: Option<&'a Op<'a>>,
    /// Operations that found it and changed nothing.
    pub(super) still: Vec<&'a Op<'a>>,
    /// Its counts, and who says so first.
    pub(super) counts: Option<(&'a Counts, Who<'a>)>,
}

/// All versions that somebody spoke of.
pub(super) type Versions<'a> = BTreeMap<u64, At<'a>>;

/// Collects them: a version has one change and one set of counts.
pub(super) fn collect<'a>(history: &'a PostHistory<'a>) -> (Versions<'a>, Vec<Fault>) {
    let (mut versions, mut faults) = (Versions::new(), Vec::new());
    for op in &history.ops {
        let Some((_, ack)) = op.ended else { continue };
        let at = said(&mut versions, ack.version.0, &ack.counts, Who::Op(op), &mut faults);
        if !ack.changed {
            at.still.push(op);
        } else if ack.version.0 == 0 {
            faults.push(Fault::new(Who::Op(op), "a version for a change", "version 0"));
        } else if let Some(other) = at.change.replace(op) {
            let (one, version) = (&other.request.key, ack.version.0);
            let expected = format!("a version of its own, as {version} is that of {one}");
            faults.push(Fault::new(Who::Op(op), expected, format!("version {version}")));
        }
    }
    for look in &history.looks {
        let version = look.shown.version.0;
        said(&mut versions, version, &look.shown.counts, Who::Look(look), &mut faults);
    }
    (versions, faults)
}

fn said<'a, 'v>(
    versions: &'v mut Versions<'a>,
    version: u64,
    counts: &'a Counts,
    who: Who<'a>,
    faults: &mut Vec<Fault>,
) -> &'v mut At<'a> {
    let at = versions.entry(version).or_default();
    let (first, by) = *at.counts.get_or_insert((counts, who));
    if first != counts {
        let expected = format!("{:?} at version {version}, as {by} has it", first.as_slice());
        faults.push(Fault::new(who, expected, format!("{:?}", counts.as_slice())));
    }
    at
}
