use async_trait::async_trait;

use crate::error::PortError;
use crate::id::PostId;
use crate::rank::TimeKey;
use crate::time::Millis;

/// How hits are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexOrder {
    /// Best match first; of equals the newer, then the lower id.
    Relevance,
    /// By the reactions that the index knows of, in popular order.
    Popular,
    /// In time order, behind the key if there is one.
    Recent(Option<TimeKey>),
}

/// The most posts that a search may be confined to.
pub const MAX_AMONG: usize = 1_000;

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexQuery {
    /// Words of the title or the body; all of them must occur. Not a query language: no
    /// character has a special meaning. Empty text finds every post; text without a word, none.
    pub text: String,
    /// Only posts created at or after this.
    pub since: Option<Millis>,
    /// Only these posts, if given, at most [`MAX_AMONG`]: for posts whose place in the popular
    /// order the index may not know yet.
    pub among: Option<Vec<PostId>>,
    /// The order.
    pub order: IndexOrder,
    /// The most hits.
    pub limit: usize,
}

/// A post that matches.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexHit {
    /// The post.
    pub post: PostId,
    /// When it was created.
    pub created_at: Millis,
    /// Its reactions as the index knows them.
    pub total: u64,
}

/// Full-text search over posts. How posts come into it is the backend's own affair: the embedded
/// index follows the store, a remote one is a [`Projection`](super::Projection).
///
/// Promises: a post that was put in, and not hidden since, is found by the words of its title and
/// body after the next [`refresh`](Self::refresh); a hidden one is not.
#[async_trait]
pub trait PostIndex: Send + Sync {
    /// Makes what was put in or taken out before this call visible to [`search`](Self::search).
    async fn refresh(&self) -> Result<(), PortError>;

    /// The first hits in the order asked.
    async fn search(&self, query: &IndexQuery) -> Result<Vec<IndexHit>, PortError>;
}
