use async_trait::async_trait;

use crate::error::PortError;
use crate::id::PostId;
use crate::post::Post;
use crate::rank::TimeKey;
use crate::time::Millis;

/// What an upsert did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upserted {
    /// The post is new.
    Created,
    /// The post is another than before, or visible again.
    Updated,
    /// The post was the same already: nothing was written.
    Unchanged,
}

/// What a write needs to know of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostMeta {
    /// When it was created.
    pub created_at: Millis,
    /// Whether it was deleted: then it is hidden everywhere and takes no reactions.
    pub hidden: bool,
}

/// The posts, and their order in time.
///
/// Promises: an upsert or a hide that returned is durable; [`get`](Self::get) and
/// [`by_time`](Self::by_time) show neither hidden posts nor posts that were never stored.
#[async_trait]
pub trait PostStore: Send + Sync {
    /// Stores a post. A post hidden before is visible again.
    async fn upsert(&self, post: &Post) -> Result<Upserted, PortError>;

    /// Hides a post everywhere, counts and rows kept. False if it was not visible.
    async fn hide(&self, post: &PostId) -> Result<bool, PortError>;

    /// What is known of a post that was stored or reacted to.
    async fn meta(&self, post: &PostId) -> Result<Option<PostMeta>, PortError>;

    /// The visible posts among those asked for, in that order.
    async fn get(&self, posts: &[PostId]) -> Result<Vec<Option<Post>>, PortError>;

    /// Visible posts in time order behind `after`, down to those created at `since`.
    async fn by_time(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<Post>, PortError>;
}
