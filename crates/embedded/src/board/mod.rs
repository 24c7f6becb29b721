//! Counts and ranks in memory: the embedded [`LiveCounts`], and the committer's view of each
//! post's last committed state.
//!
//! The store loads it at start from what is durable and merges each commit into it after the
//! commit's fsync, so a reader never sees a count that a crash could take back.

mod order;
mod table;

use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::LiveCounts;
use kudos_core::{Clock, Millis, PortError, PostId, PostState, RankEntry, TimeKey, Version};
use parking_lot::RwLock;

use order::Orders;
use table::Table;

/// Counts of every post, and the posts in popular and in time order.
///
/// About 235 bytes a post with six kinds and ids of up to 16 bytes (`kudos-bench` measures it).
pub struct Board {
    inner: RwLock<Inner>,
    clock: Arc<dyn Clock>,
}

struct Inner {
    table: Table,
    orders: Orders,
}

impl Board {
    /// An empty board for a deployment with `kinds` kinds.
    pub fn new(kinds: usize, clock: Arc<dyn Clock>) -> Self {
        let orders = Orders::new(clock.now());
        Self { inner: RwLock::new(Inner { table: Table::new(kinds), orders }), clock }
    }

    /// A board of everything that a scan of the store yields. Sorting once and building the
    /// orders from sorted runs is several times faster than inserting one by one.
    pub fn load(
        kinds: usize,
        clock: Arc<dyn Clock>,
        states: impl Iterator<Item = (PostState, bool)>,
    ) -> Self {
        let now = clock.now();
        let mut table = Table::new(kinds);
        let mut ranks = Vec::new();
        for (state, hidden) in states {
            if !hidden {
                ranks.push(rank_of(&state));
            }
            table.insert(&state, hidden);
        }
        let orders = Orders::from_ranks(ranks, now);
        Self { inner: RwLock::new(Inner { table, orders }), clock }
    }

    /// The state of one post, and whether it is hidden.
    pub fn get(&self, post: &PostId) -> Option<(PostState, bool)> {
        self.inner.read().table.get(post)
    }

    /// How many posts are held, hidden ones included.
    pub fn len(&self) -> usize {
        self.inner.read().table.len()
    }

    /// Whether no post is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All reactions of one post; 0 for a post that is not held.
    pub fn total(&self, post: &str) -> u64 {
        self.inner.read().table.total(post)
    }

    /// All reactions of one post, none if it is hidden; 0 for a post that is not held.
    pub(crate) fn visible_total(&self, post: &str) -> Option<u64> {
        let inner = self.inner.read();
        (!inner.table.is_hidden(post)).then(|| inner.table.total(post))
    }

    /// Where a post stands, for [`totals_at`](Self::totals_at). It stands there for good.
    pub(crate) fn place(&self, post: &str) -> Option<u32> {
        let place = self.inner.read().table.place(post)?;
        u32::try_from(place).ok()
    }

    /// All reactions of the posts at `places`, under one lock; 0 where no post stands.
    pub(crate) fn totals_at(&self, places: &[u32], totals: &mut Vec<u64>) {
        let inner = self.inner.read();
        totals.clear();
        totals.extend(places.iter().map(|&place| inner.table.total_at(place as usize)));
    }

    /// See [`LiveCounts::recent`].
    pub fn recent_keys(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Vec<TimeKey> {
        self.inner.read().orders.recent(since, after, limit)
    }

    /// See [`LiveCounts::merge`]; the lock is taken once for all states.
    pub fn merge_all<'a>(&self, states: impl IntoIterator<Item = &'a PostState>) {
        let now = self.clock.now();
        let mut inner = self.inner.write();
        inner.orders.forget_before(now);
        for state in states {
            inner.merge(state);
        }
    }

    /// See [`LiveCounts::hide`].
    pub fn set_hidden(&self, post: &PostId, hidden: bool) {
        let mut inner = self.inner.write();
        let Inner { table, orders } = &mut *inner;
        let Some((state, was_hidden)) = table.get(post) else {
            return;
        };
        if was_hidden != hidden {
            table.set_hidden(post, hidden);
            let rank = rank_of(&state);
            if hidden { orders.remove(&rank) } else { orders.insert(rank) }
        }
    }
}

impl Inner {
    /// Looks the post up once: this is most of what a like costs here.
    fn merge(&mut self, new: &PostState) {
        let Self { table, orders } = self;
        let Some(at) = table.place(new.post.as_str()) else {
            table.insert(new, false);
            return orders.insert(rank_of(new));
        };
        let (old, hidden) = (table.rank_at(at), table.is_hidden_at(at));
        if new.replaces(table.version_at(at)) {
            table.update(at, new);
        } else if new.version == Version(0) && new.created_at != old.created_at {
            table.move_to(at, new.created_at);
        } else {
            return;
        }
        let ranked = table.rank_at(at);
        if !hidden && ranked != old {
            orders.replace(&old, ranked);
        }
    }
}

fn rank_of(state: &PostState) -> RankEntry {
    let PostState { post, created_at, counts, .. } = state;
    RankEntry { post: post.clone(), total: counts.total(), created_at: *created_at }
}

#[async_trait]
impl LiveCounts for Board {
    async fn merge(&self, states: &[PostState]) -> Result<(), PortError> {
        self.merge_all(states);
        Ok(())
    }

    async fn hide(&self, post: &PostId, hidden: bool) -> Result<(), PortError> {
        self.set_hidden(post, hidden);
        Ok(())
    }

    async fn states(&self, posts: &[PostId]) -> Result<Vec<Option<PostState>>, PortError> {
        let inner = self.inner.read();
        Ok(posts.iter().map(|post| inner.table.get(post).map(|(state, _)| state)).collect())
    }

    async fn top(&self, since: Option<Millis>, limit: usize) -> Result<Vec<RankEntry>, PortError> {
        Ok(self.inner.read().orders.top(since, limit))
    }

    async fn recent(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<TimeKey>, PortError> {
        Ok(self.recent_keys(since, after, limit))
    }
}
