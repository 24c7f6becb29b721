use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::{LiveCounts, ReactionStore, Snapshots};
use kudos_core::{Counts, Kind, PortError, PostId, PostState, RankEntry, UserId, Version};

use crate::memory::MemoryProjection;

/// Rows that are read at a time.
const PAGE: usize = 1_000;
/// Users of a post who are asked what they hold.
const ASKED: usize = 3;

/// What a copy says about a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// All its reactions.
    pub total: u64,
    /// By kind, if the copy knows.
    pub counts: Option<Counts>,
    /// The version of the counts, if the copy knows.
    pub version: Option<Version>,
    /// Whether the copy says that this is up to date. What is not is no proof of anything.
    pub fresh: bool,
}

impl Seen {
    /// Counts of a version, said to be up to date.
    pub fn counts(counts: Counts, version: Option<Version>) -> Self {
        Self { total: counts.total(), counts: Some(counts), version, fresh: true }
    }
}

impl From<PostState> for Seen {
    fn from(state: PostState) -> Self {
        Self::counts(state.counts, Some(state.version))
    }
}

/// A copy of the state, or of a part of it: what it does not know it answers with none.
#[async_trait]
pub trait Reader: Send + Sync {
    /// Who holds what on a post.
    async fn rows(&self, post: &PostId) -> Result<Option<BTreeMap<UserId, Kind>>, PortError> {
        let _ = post;
        Ok(None)
    }

    /// The counts of each post, in the order asked; of a post that is not held, none.
    async fn counts(&self, posts: &[PostId]) -> Result<Option<Vec<Option<Seen>>>, PortError> {
        let _ = posts;
        Ok(None)
    }

    /// The first posts in popular order; others than those of the workload may be among them.
    async fn top(&self, limit: usize) -> Result<Option<Vec<RankEntry>>, PortError> {
        let _ = limit;
        Ok(None)
    }
}

/// The truth: rows, and the counts beside them.
pub struct TruthReader(pub Arc<dyn ReactionStore>);

#[async_trait]
impl Reader for TruthReader {
    async fn rows(&self, post: &PostId) -> Result<Option<BTreeMap<UserId, Kind>>, PortError> {
        let (mut rows, mut after) = (BTreeMap::new(), None);
        loop {
            let page = self.0.reactors(post, None, after.as_ref(), PAGE).await?;
            rows.extend(page.reactors.into_iter().map(|r| (r.user, r.kind)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let step = rows.len().div_ceil(ASKED).max(1);
        for (user, kind) in rows.iter().step_by(step) {
            let held = self.0.held(user, std::slice::from_ref(post)).await?;
            if held != [Some(*kind)] {
                let told = format!("{user} on {post} is listed with {kind:?}, and has {held:?}");
                return Err(PortError::Corrupt(told));
            }
        }
        Ok(Some(rows))
    }

    async fn counts(&self, posts: &[PostId]) -> Result<Option<Vec<Option<Seen>>>, PortError> {
        let states = self.0.states(posts).await?;
        Ok(Some(states.into_iter().map(|state| state.map(Seen::from)).collect()))
    }
}

/// The truth's rows, counted anew.
pub struct RecountReader(pub Arc<dyn Snapshots>);

#[async_trait]
impl Reader for RecountReader {
    async fn counts(&self, posts: &[PostId]) -> Result<Option<Vec<Option<Seen>>>, PortError> {
        let mut counted = Vec::with_capacity(posts.len());
        for post in posts {
            counted.push(Some(Seen::counts(self.0.recount(post).await?, None)));
        }
        Ok(Some(counted))
    }
}

/// The live counts and their popular order.
pub struct LiveReader(pub Arc<dyn LiveCounts>);

#[async_trait]
impl Reader for LiveReader {
    async fn counts(&self, posts: &[PostId]) -> Result<Option<Vec<Option<Seen>>>, PortError> {
        let states = self.0.states(posts).await?;
        Ok(Some(states.into_iter().map(|state| state.map(Seen::from)).collect()))
    }

    async fn top(&self, limit: usize) -> Result<Option<Vec<RankEntry>>, PortError> {
        self.0.top(None, limit).await.map(Some)
    }
}

/// A projection in memory.
pub struct ProjectionReader(pub Arc<MemoryProjection>);

#[async_trait]
impl Reader for ProjectionReader {
    async fn counts(&self, posts: &[PostId]) -> Result<Option<Vec<Option<Seen>>>, PortError> {
        let seen = |post| self.0.held(post).map(|held| Seen::from(held.state));
        Ok(Some(posts.iter().map(seen).collect()))
    }
}
