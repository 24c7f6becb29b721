//! What is rebuilt.

use kudos_core::ports::Reach;
use kudos_core::{Millis, PostId, Snapshot};

/// Which posts are rebuilt; by default all.
#[derive(Default)]
pub struct Scope {
    /// Only these.
    pub posts: Option<Vec<PostId>>,
    /// Only those created at this time or later.
    pub since: Option<Millis>,
    /// Only those within reach, such as those of some slots.
    pub reach: Option<Reach>,
}

impl Scope {
    /// Whether every post is rebuilt, so that nothing can be missing afterwards.
    pub(crate) fn is_all(&self) -> bool {
        self.posts.is_none() && self.since.is_none() && self.reach.is_none()
    }

    pub(crate) fn holds(&self, post: &PostId, created_at: Millis) -> bool {
        self.since.is_none_or(|since| created_at >= since) && self.reaches(post)
    }

    /// Whether the post is rebuilt, whenever it was created.
    pub(crate) fn reaches(&self, post: &PostId) -> bool {
        self.posts.as_ref().is_none_or(|posts| posts.contains(post))
            && self.reach.as_ref().is_none_or(|reach| reach(post))
    }

    pub(crate) fn narrow(&self, mut snapshots: Vec<Snapshot>) -> Vec<Snapshot> {
        snapshots.retain(|told| self.holds(&told.post.id, told.post.created_at));
        snapshots
    }
}
