//! Counts and ranks in memory: the embedded [`LiveCounts`], and the committer's view of each
//! post's last committed state.
//!
//! The store loads it at start from what is durable and merges each commit into it after the
//! commit's fsync, so a reader never sees a count that a crash could take back.
//!
//! Counts are taken over at once. The places of posts in the orders follow when a reader asks for
//! them, or when many posts have moved: so the committer does not wait for it, and a post that
//! moves often moves once.

mod order;
mod ranker;
mod table;

use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::LiveCounts;
use kudos_core::{Clock, Millis, PortError, PostId, PostState, RankEntry, TimeKey, Version};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use order::Orders;
pub(crate) use ranker::Ranker;
use table::Table;

/// Posts that may be out of their places before the committer itself puts them there.
const MOST_MOVED: usize = 8192;

/// Counts of every post, and the posts in popular and in time order.
///
/// About 235 bytes a post with six kinds and ids of up to 16 bytes (`kudos-bench` measures it).
pub struct Board {
    inner: RwLock<Inner>,
    clock: Arc<dyn Clock>,
}

struct Inner {
    table: Table,
    /// As of before the posts of `moved` moved.
    orders: Orders,
    moved: Vec<Moved>,
}

/// A post whose place in the orders is out of date.
struct Moved {
    at: usize,
    /// Where it still is, as total and creation time; none if it is in no order yet.
    from: Option<(u64, Millis)>,
}

impl Board {
    /// An empty board for a deployment with `kinds` kinds.
    pub fn new(kinds: usize, clock: Arc<dyn Clock>) -> Self {
        let orders = Orders::new(clock.now());
        let inner = Inner { table: Table::new(kinds), orders, moved: Vec::new() };
        Self { inner: RwLock::new(inner), clock }
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
        let inner = Inner { table, orders, moved: Vec::new() };
        Self { inner: RwLock::new(inner), clock }
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
        self.in_order().orders.recent(since, after, limit)
    }

    /// The board with every post in its place.
    fn in_order(&self) -> RwLockReadGuard<'_, Inner> {
        let inner = self.inner.read();
        if inner.moved.is_empty() {
            return inner;
        }
        drop(inner);
        let mut inner = self.inner.write();
        inner.settle(usize::MAX);
        RwLockWriteGuard::downgrade(inner)
    }

    /// Puts up to `most` posts into their places. How many are left.
    pub(crate) fn settle(&self, most: usize) -> usize {
        let mut inner = self.inner.write();
        inner.settle(most);
        inner.moved.len()
    }

    /// How many posts are out of their places.
    pub(crate) fn moved(&self) -> usize {
        self.inner.read().moved.len()
    }

    /// See [`LiveCounts::merge`]; the lock is taken once for all states.
    pub fn merge_all<'a>(&self, states: impl IntoIterator<Item = &'a PostState>) {
        let now = self.clock.now();
        let mut inner = self.inner.write();
        inner.orders.forget_before(now);
        for state in states {
            inner.merge(state);
        }
        if inner.moved.len() > MOST_MOVED {
            inner.settle(usize::MAX);
        }
    }

    /// See [`LiveCounts::hide`].
    pub fn set_hidden(&self, post: &PostId, hidden: bool) {
        let mut inner = self.inner.write();
        let Some(at) = inner.table.place(post.as_str()) else {
            return;
        };
        if inner.table.is_hidden_at(at) != hidden {
            inner.settle(usize::MAX);
            let Inner { table, orders, .. } = &mut *inner;
            table.set_hidden(at, hidden);
            let rank = table.rank_at(at);
            if hidden { orders.remove(&rank) } else { orders.insert(rank) }
        }
    }
}

impl Inner {
    /// Looks the post up once: this is most of what a like costs here.
    fn merge(&mut self, new: &PostState) {
        let Some(at) = self.table.place(new.post.as_str()) else {
            let at = self.table.insert(new, false);
            self.table.begin_move(at);
            return self.moved.push(Moved { at, from: None });
        };
        let table = &mut self.table;
        let old = (table.total_at(at), table.created_at(at));
        if new.replaces(table.version_at(at)) {
            table.update(at, new);
        } else if new.version == Version(0) && new.created_at != old.1 {
            table.move_to(at, new.created_at);
        } else {
            return;
        }
        let ranked = (table.total_at(at), table.created_at(at));
        if ranked != old && !table.is_hidden_at(at) && table.begin_move(at) {
            self.moved.push(Moved { at, from: Some(old) });
        }
    }

    /// Puts up to `most` posts into their places.
    fn settle(&mut self, most: usize) {
        let Self { table, orders, moved } = self;
        let kept = moved.len().saturating_sub(most);
        for Moved { at, from } in moved.drain(kept..) {
            table.end_move(at);
            let rank = table.rank_at(at);
            match from {
                Some((total, created_at)) => {
                    orders.replace(&RankEntry { total, created_at, ..rank.clone() }, rank);
                }
                None => orders.insert(rank),
            }
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
        Ok(self.in_order().orders.top(since, limit))
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

#[cfg(test)]
mod tests {
    use kudos_core::Counts;
    use proptest::prelude::*;

    use super::*;

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Millis {
            Millis(1_800_000_000_000)
        }
    }

    fn state(post: usize, version: u64, total: u64) -> PostState {
        PostState {
            post: PostId::new(&format!("p{post}")).unwrap(),
            created_at: Millis(1_800_000_000_000 - post as u64 / 2),
            version: Version(version),
            counts: Counts::from_iter([total]),
            as_of: Millis(0),
        }
    }

    proptest! {
        #[test]
        fn readers_find_every_post_in_its_place_however_many_moves_were_put_off(
            moves in prop::collection::vec((0usize..12, 0u64..5, 0usize..8), 1..100)
        ) {
            let board = Board::new(1, Arc::new(Noon));
            let mut newest = std::collections::BTreeMap::new();
            for (version, (post, total, settle)) in (1..).zip(moves) {
                let state = state(post, version, total);
                board.merge_all([&state]);
                board.set_hidden(&state.post, settle == 7);
                newest.insert(post, (rank_of(&state), settle == 7));
                match settle {
                    0..=3 => drop(board.settle(settle)),
                    4 => {
                        let visible = newest.values().filter(|(_, hidden)| !hidden);
                        let mut ranks: Vec<_> = visible.map(|(rank, _)| rank.clone()).collect();
                        ranks.sort();
                        let read = board.in_order();
                        prop_assert_eq!(read.orders.top(None, 100), ranks.clone());
                        prop_assert_eq!(read.orders.top(Some(Millis(1_799_999_999_000)), 100), ranks);
                    }
                    _ => {}
                }
            }
        }
    }
}
