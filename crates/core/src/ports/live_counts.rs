use async_trait::async_trait;

use crate::change::PostState;
use crate::error::PortError;
use crate::id::PostId;
use crate::rank::{RankEntry, TimeKey};
use crate::snapshot::Snapshot;
use crate::time::Millis;

/// A post as the live counts hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveEntry {
    /// Its counts.
    pub state: PostState,
    /// Whether it is in neither order.
    pub hidden: bool,
}

/// The live projection: counts by post, and the posts in popular and in time order.
///
/// Promises:
/// - [`merge`](Self::merge) keeps of each post the newest version that it was ever given: any
///   order, any repetition leads to the same counts. It never increments.
/// - A post is in both orders from its first merge until it is hidden.
/// - [`top`](Self::top) is exact for what was merged, ties included.
#[async_trait]
pub trait LiveCounts: Send + Sync {
    /// Takes over each state that is newer than the one held. A state of version 0 introduces a
    /// post, or moves it to another creation time; of such moves the last one wins.
    async fn merge(&self, states: &[PostState]) -> Result<(), PortError>;

    /// Takes a post out of both orders (`true`) or puts it back, as it was decided at a revision
    /// of the post; its counts stay. Nothing happens to a post that is not held, nor if a newer
    /// revision was given before.
    async fn hide(&self, post: &PostId, hidden: bool, revision: u64) -> Result<(), PortError>;

    /// Takes over all of some posts: counts, creation time and visibility, as by
    /// [`merge`](Self::merge) and [`hide`](Self::hide). A backend that can do so in fewer steps
    /// does.
    async fn restate(&self, snapshots: &[Snapshot]) -> Result<(), PortError> {
        // The introduction moves a post whose creation time was changed.
        let introductions = snapshots.iter().map(Snapshot::introduction);
        let reacted = snapshots.iter().filter(|snapshot| snapshot.state.version.0 > 0);
        let states: Vec<_> =
            introductions.chain(reacted.map(|snapshot| snapshot.state.clone())).collect();
        self.merge(&states).await?;
        let hides = snapshots.iter().map(|s| self.hide(&s.post.id, s.hidden, s.revision));
        futures::future::try_join_all(hides).await?;
        Ok(())
    }

    /// Each post, in the order asked; none where nothing is held.
    async fn entries(&self, posts: &[PostId]) -> Result<Vec<Option<LiveEntry>>, PortError>;

    /// The state of each post, hidden or not, in the order asked; none where nothing is held.
    async fn states(&self, posts: &[PostId]) -> Result<Vec<Option<PostState>>, PortError> {
        let entries = self.entries(posts).await?;
        Ok(entries.into_iter().map(|entry| entry.map(|entry| entry.state)).collect())
    }

    /// The first `limit` posts in popular order, of those created at or after `since`.
    async fn top(&self, since: Option<Millis>, limit: usize) -> Result<Vec<RankEntry>, PortError>;

    /// Posts in time order behind `after`, down to those created at `since`.
    async fn recent(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<TimeKey>, PortError>;
}
