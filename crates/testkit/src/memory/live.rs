use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::{
    Believed, Completeness, Exchange, Found, LiveCounts, LiveEntry, Loss, Mark, Marks, Reach,
};
use kudos_core::{Millis, PortError, PostId, PostState, RankEntry, TimeKey, Version};
use parking_lot::Mutex;

use super::part_of;

/// Parts that can lose what they hold by themselves.
const PARTS: usize = 4;

/// The live projection in memory: sorts everything at each question.
#[derive(Debug, Default)]
pub struct MemoryLive(Mutex<Held>);

#[derive(Debug, Clone, Default)]
struct Held {
    states: BTreeMap<PostId, PostState>,
    /// By post: the newest revision given, and whether it hides the post.
    hides: BTreeMap<PostId, (u64, bool)>,
    marks: BTreeMap<usize, Mark>,
    /// By part, how often it changed hands.
    holders: [u64; PARTS],
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

    /// Every post of which something is held.
    pub fn posts(&self) -> Vec<PostId> {
        self.0.lock().states.keys().cloned().collect()
    }

    /// Loses a post, as a cache does that evicts it.
    pub fn lose(&self, post: &PostId) {
        let mut held = self.0.lock();
        held.states.remove(post);
        held.hides.remove(post);
    }

    /// A copy of what is held now.
    pub fn fork(&self) -> Self {
        Self(Mutex::new(self.0.lock().clone()))
    }

    /// One part holds what `earlier` held, as after a failover to a replica that was behind, and
    /// nothing if that was empty. There are four parts; any number names one.
    pub fn roll_back(&self, part: usize, earlier: &Self) {
        let (part, earlier) = (part % PARTS, earlier.0.lock().clone());
        let is_in = |post: &PostId| part_of(post, PARTS) == part;
        let mut held = self.0.lock();
        held.states.retain(|post, _| !is_in(post));
        held.states.extend(earlier.states.into_iter().filter(|(post, _)| is_in(post)));
        held.hides.retain(|post, _| !is_in(post));
        held.hides.extend(earlier.hides.into_iter().filter(|(post, _)| is_in(post)));
        held.holders[part] += 1;
        held.marks.remove(&part);
        held.marks.extend(earlier.marks.into_iter().filter(|&(marked, _)| marked == part));
    }

    /// Loses everything, as a cache does that is flushed.
    pub fn clear(&self) {
        let mut held = self.0.lock();
        *held = Held { holders: held.holders, ..Held::default() };
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

#[async_trait]
impl Marks for MemoryLive {
    fn parts(&self) -> usize {
        PARTS
    }

    async fn exchange(&self, exchanges: &[Exchange]) -> Vec<Result<Found, PortError>> {
        let mut held = self.0.lock();
        let exchange = |exchange: &Exchange| {
            let mark = held.marks.get(&exchange.part).copied();
            if mark.map_or(Believed::Absent, Believed::Mark) == exchange.believed {
                held.marks.insert(exchange.part, exchange.new);
            }
            Ok(Found { mark, holder: held.holders[exchange.part].to_string().into() })
        };
        exchanges.iter().map(exchange).collect()
    }

    fn reach(&self, parts: &BTreeSet<usize>) -> Reach {
        let parts = parts.clone();
        Arc::new(move |post| parts.contains(&part_of(post, PARTS)))
    }
}

/// The orders are made of what is held: by themselves they lack nothing.
#[async_trait]
impl Completeness for MemoryLive {
    async fn missing(&self) -> Result<Option<Loss>, PortError> {
        Ok(None)
    }

    async fn mark_complete(&self, _: &Loss) -> Result<bool, PortError> {
        Ok(true)
    }
}
