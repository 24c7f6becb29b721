//! What is rebuilt.

use kudos_core::ports::Reach;
use kudos_core::{Millis, PostId, Snapshot};

/// Which posts are rebuilt.
pub enum Scope {
    /// All.
    All,
    /// These.
    Posts(Vec<PostId>),
    /// Some of all.
    Part {
        /// Only those created at this time or later.
        since: Option<Millis>,
        /// Only those within reach, such as those of some slots.
        reach: Option<Reach>,
    },
}

impl Scope {
    /// Whether every post is rebuilt, so that nothing can be missing afterwards.
    pub(crate) fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// The earliest creation time; none for any.
    pub(crate) fn since(&self) -> Option<Millis> {
        match self {
            Self::Part { since, .. } => *since,
            Self::All | Self::Posts(_) => None,
        }
    }

    pub(crate) fn holds(&self, post: &PostId, created_at: Millis) -> bool {
        match self {
            Self::All => true,
            Self::Posts(posts) => posts.contains(post),
            Self::Part { since, reach } => {
                since.is_none_or(|since| created_at >= since)
                    && reach.as_ref().is_none_or(|reach| reach(post))
            }
        }
    }

    pub(crate) fn narrow(&self, mut snapshots: Vec<Snapshot>) -> Vec<Snapshot> {
        snapshots.retain(|told| self.holds(&told.post.id, told.post.created_at));
        snapshots
    }
}
