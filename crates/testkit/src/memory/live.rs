use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use kudos_core::ports::LiveCounts;
use kudos_core::{Millis, PortError, PostId, PostState, RankEntry, TimeKey, Version};
use parking_lot::Mutex;

/// The live projection in memory: sorts everything at each question.
#[derive(Debug, Default)]
pub struct MemoryLive(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    states: BTreeMap<PostId, PostState>,
    hidden: BTreeSet<PostId>,
}

impl Held {
    /// What both orders are made of.
    fn listed(&self, since: Option<Millis>) -> impl Iterator<Item = &PostState> {
        self.states
            .values()
            .filter(|state| !self.hidden.contains(&state.post))
            .filter(move |state| since.is_none_or(|since| state.created_at >= since))
    }

    fn merge(&mut self, state: &PostState) {
        match self.states.get_mut(&state.post) {
            None => {
                self.states.insert(state.post.clone(), state.clone());
            }
            Some(held) if state.replaces(held.version) => *held = state.clone(),
            Some(held) if state.version == Version::default() => {
                held.created_at = state.created_at;
            }
            Some(_) => {}
        }
    }
}

impl MemoryLive {
    /// A projection that holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses a post, as a cache does that evicts it.
    pub fn forget(&self, post: &PostId) {
        self.0.lock().states.remove(post);
    }

    /// Loses everything, as a cache does that is flushed.
    pub fn clear(&self) {
        *self.0.lock() = Held::default();
    }
}

#[async_trait]
impl LiveCounts for MemoryLive {
    async fn merge(&self, states: &[PostState]) -> Result<(), PortError> {
        let mut held = self.0.lock();
        states.iter().for_each(|state| held.merge(state));
        Ok(())
    }

    async fn hide(&self, post: &PostId, hidden: bool) -> Result<(), PortError> {
        let mut held = self.0.lock();
        match hidden {
            true => held.hidden.insert(post.clone()),
            false => held.hidden.remove(post),
        };
        Ok(())
    }

    async fn states(&self, posts: &[PostId]) -> Result<Vec<Option<PostState>>, PortError> {
        let held = self.0.lock();
        Ok(posts.iter().map(|id| held.states.get(id).cloned()).collect())
    }

    async fn top(&self, since: Option<Millis>, limit: usize) -> Result<Vec<RankEntry>, PortError> {
        let entry = |state: &PostState| RankEntry {
            post: state.post.clone(),
            total: state.counts.total(),
            created_at: state.created_at,
        };
        let mut ranks: Vec<_> = self.0.lock().listed(since).map(entry).collect();
        ranks.sort();
        ranks.truncate(limit);
        Ok(ranks)
    }

    async fn recent(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<TimeKey>, PortError> {
        let key =
            |state: &PostState| TimeKey { created_at: state.created_at, post: state.post.clone() };
        let mut keys: Vec<_> = self.0.lock().listed(since).map(key).collect();
        keys.retain(|key| after.is_none_or(|after| key > after));
        keys.sort();
        keys.truncate(limit);
        Ok(keys)
    }
}
