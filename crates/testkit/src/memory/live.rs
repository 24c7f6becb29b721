use std::collections::BTreeMap;

use async_trait::async_trait;
use kudos_core::ports::{LiveCounts, LiveEntry};
use kudos_core::{Millis, PortError, PostId, PostState, RankEntry, TimeKey, Version};
use parking_lot::Mutex;

/// The live projection in memory: sorts everything at each question.
#[derive(Debug, Default)]
pub struct MemoryLive(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    states: BTreeMap<PostId, PostState>,
    /// By post: the newest revision given, and whether it hides the post.
    hides: BTreeMap<PostId, (u64, bool)>,
}

impl Held {
    /// What both orders are made of.
    fn listed(&self, since: Option<Millis>) -> impl Iterator<Item = &PostState> {
        self.states
            .values()
            .filter(|state| !self.is_hidden(&state.post))
            .filter(move |state| since.is_none_or(|since| state.created_at >= since))
    }

    fn is_hidden(&self, post: &PostId) -> bool {
        self.hides.get(post).is_some_and(|&(_, hidden)| hidden)
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
        let mut held = self.0.lock();
        held.states.remove(post);
        held.hides.remove(post);
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

    async fn hide(&self, post: &PostId, hidden: bool, revision: u64) -> Result<(), PortError> {
        let mut held = self.0.lock();
        if held.states.contains_key(post) {
            let newest = held.hides.entry(post.clone()).or_default();
            *newest = (revision, hidden).max(*newest);
        }
        Ok(())
    }

    async fn entries(&self, posts: &[PostId]) -> Result<Vec<Option<LiveEntry>>, PortError> {
        let held = self.0.lock();
        let entry = |post| {
            let state = held.states.get(post)?.clone();
            Some(LiveEntry { state, hidden: held.is_hidden(post) })
        };
        Ok(posts.iter().map(entry).collect())
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
