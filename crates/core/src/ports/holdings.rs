use async_trait::async_trait;

use crate::error::PortError;
use crate::id::PostId;

/// Where a walk through what is held continues. Opaque: only the backend that gave it out can read
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkCursor(pub String);

/// Part of what is held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldPage {
    /// Posts of which something is held; possibly none, although the walk goes on.
    pub posts: Vec<PostId>,
    /// Where the next page begins; none at the end.
    pub next: Option<WalkCursor>,
}

/// What the live counts hold, whether or not the truth knows it: for whoever looks for what should
/// not be there.
#[async_trait]
pub trait Holdings: Send + Sync {
    /// Every post of which something is held during the whole walk, at least once: counts, or a
    /// place in an order without counts. About `limit` of them a page.
    async fn held(&self, after: Option<&WalkCursor>, limit: usize) -> Result<HeldPage, PortError>;

    /// The total under which the popular order lists each post, in the order asked; none for one
    /// that is not in both orders. An error if anybody does not answer who may hold something of
    /// them: so that nothing is taken for missing that is only out of reach.
    async fn listed(&self, posts: &[PostId]) -> Result<Vec<Option<u64>>, PortError>;

    /// Forgets whatever is held of posts. What is merged at the same moment may be forgotten as
    /// well, in part or whole: whoever forgets looks at the truth afterwards.
    async fn forget(&self, posts: &[PostId]) -> Result<(), PortError>;
}
