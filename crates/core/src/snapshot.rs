//! All that the truth holds about a post.

use crate::change::PostState;
use crate::post::Post;

/// A post with its text, its visibility and its counts, as read from the truth at one time. It is
/// what projections of whole posts keep, and what mends a projection that missed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The post; without title, body and author if it was reacted to and never stored.
    pub post: Post,
    /// Whether it was deleted: then it is hidden everywhere.
    pub hidden: bool,
    /// How often the post was stored or hidden.
    pub revision: u64,
    /// Its counts.
    pub state: PostState,
}

impl Snapshot {
    /// Orders the snapshots of a post. It grows with each change of its text, its visibility or
    /// its counts, because revision and version each only grow.
    pub fn version(&self) -> u64 {
        self.revision.saturating_add(self.state.version.0)
    }

    /// Its state as it was before any reaction: what introduces a post to the live counts, or
    /// moves it to another creation time.
    pub fn introduction(&self) -> PostState {
        PostState {
            post: self.post.id.clone(),
            created_at: self.post.created_at,
            version: crate::Version(0),
            counts: crate::Counts::new(),
            as_of: self.post.created_at,
        }
    }
}
