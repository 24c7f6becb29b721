use async_trait::async_trait;

use crate::change::PostState;
use crate::error::{ApplyError, PortError};
use crate::id::{PostId, UserId};
use crate::kind::Kind;
use crate::operation::{Applied, Operation};
use crate::time::Millis;

/// A user who reacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reactor {
    /// The user.
    pub user: UserId,
    /// What the user holds.
    pub kind: Kind,
    /// Since when.
    pub at: Millis,
}

/// One page of users who reacted, in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReactorPage {
    /// At most as many as were asked for.
    pub reactors: Vec<Reactor>,
    /// Continue behind this user; none at the end. A page may be short, even empty, and still
    /// continue: a page bounds the rows that are read, not only those that match.
    pub next: Option<UserId>,
}

/// The truth: who holds which reaction, and the exact counts.
///
/// Promises:
/// - `Ok` from [`apply`](Self::apply) is durable, and the counts hold it exactly once.
/// - Operations of one post are applied one after the other; counts and rows change together.
/// - An operation sent again, by anybody, changes nothing and gets the outcome of its first time,
///   or [`ApplyError::Stale`] once that is forgotten. This holds for ever if its id tells when it
///   was made; else while the user makes fewer than [`REMEMBERED`] + [`FINGERPRINTS`] other
///   operations on that post, the bound on what a row may remember.
/// - After [`ApplyError::Stale`], [`ApplyError::KeyReused`] and [`PortError::Busy`] nothing was
///   applied. After any other error nobody knows: the same operation, sent again, tells.
/// - A read shows only what is durable.
///
/// [`REMEMBERED`]: crate::row::REMEMBERED
/// [`FINGERPRINTS`]: crate::row::FINGERPRINTS
#[async_trait]
pub trait ReactionStore: Send + Sync {
    /// Applies one operation. Dropping the future does not take the operation back.
    async fn apply(&self, op: Operation) -> Result<Applied, ApplyError>;

    /// The exact state of each post, in the order asked; none for a post that has neither been
    /// stored nor reacted to. A hidden post keeps its state.
    async fn states(&self, posts: &[PostId]) -> Result<Vec<Option<PostState>>, PortError>;

    /// What the user holds on each post, in the order asked.
    async fn held(&self, user: &UserId, posts: &[PostId]) -> Result<Vec<Option<Kind>>, PortError>;

    /// Users who hold `kind` (any, if none) on the post, in the order of their ids, behind `after`.
    async fn reactors(
        &self,
        post: &PostId,
        kind: Option<Kind>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<ReactorPage, PortError>;
}
