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

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use async_trait::async_trait;
use kudos_core::ports::{LiveCounts, LiveEntry};
use kudos_core::{Clock, Millis, PortError, PostId, PostState, RankEntry, TimeKey, Version};
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use order::{Move, Orders};
pub(crate) use ranker::Ranker;
use table::Table;

/// Posts that may be out of their places before the committer itself puts them there.
const MOST_MOVED: usize = 8192;

/// Heads that one thread hands to the other at a time while a board is loaded, and how many times
/// this may wait to be taken in.
const PAGE: usize = 512;
const PAGES_AHEAD: usize = 4;

/// Counts of every post, and the posts in popular and in time order.
///
/// About 245 bytes a post with six kinds and ids of up to 16 bytes (`kudos-bench` measures it).
pub struct Board {
    /// As of before the posts of `moved` moved. Locked before `posts`, never after: so the
    /// committer, which takes only the latter, never waits for posts that move.
    orders: RwLock<Orders>,
    posts: RwLock<Posts>,
    /// The newest revisions that callers of the port gave. The committer, which hides posts in
    /// their order, gives none.
    revisions: Mutex<HashMap<PostId, u64>>,
    clock: Arc<dyn Clock>,
}

struct Posts {
    table: Table,
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
        Self::of(Table::new(kinds), orders, clock)
    }

    /// A board of everything that a scan of the store yields, up to what `read` makes nothing of.
    /// Sorting once and building the orders from sorted runs is several times faster than inserting
    /// one by one; and another thread scans, which takes as long as to take it in. `expected` is
    /// about how many there are.
    pub fn load<T: Send>(
        kinds: usize,
        clock: Arc<dyn Clock>,
        expected: usize,
        scan: impl Iterator<Item = T> + Send,
        read: impl FnMut(T) -> Option<(PostState, bool)>,
    ) -> Self {
        let (pages, scanned) = mpsc::sync_channel(PAGES_AHEAD);
        let Loaded { mut table, ranks, times } = thread::scope(|scope| {
            scope.spawn(move || scan_ahead(scan, &pages));
            let states = scanned.into_iter().flatten().map_while(read);
            Loaded::with_room(kinds, expected).take_in(states)
        });
        let orders = thread::scope(|scope| {
            scope.spawn(|| table.index());
            Orders::from_unsorted(ranks, times, clock.now())
        });
        Self::of(table, orders, clock)
    }

    fn of(table: Table, orders: Orders, clock: Arc<dyn Clock>) -> Self {
        let posts = Posts { table, moved: Vec::new() };
        let revisions = Mutex::default();
        Self { orders: RwLock::new(orders), posts: RwLock::new(posts), revisions, clock }
    }

    /// The state of one post, and whether it is hidden.
    pub fn get(&self, post: &PostId) -> Option<(PostState, bool)> {
        self.posts.read().table.get(post)
    }

    /// How many posts are held, hidden ones included.
    pub fn len(&self) -> usize {
        self.posts.read().table.len()
    }

    /// Whether no post is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All reactions of one post; 0 for a post that is not held.
    pub fn total(&self, post: &str) -> u64 {
        self.posts.read().table.total(post)
    }

    /// All reactions of one post, none if it is hidden; 0 for a post that is not held.
    pub(crate) fn visible_total(&self, post: &str) -> Option<u64> {
        let posts = self.posts.read();
        (!posts.table.is_hidden(post)).then(|| posts.table.total(post))
    }

    /// Where a post stands, for [`totals_at`](Self::totals_at). It stands there for good.
    pub(crate) fn place(&self, post: &str) -> Option<u32> {
        let place = self.posts.read().table.place(post)?;
        u32::try_from(place).ok()
    }

    /// All reactions of the posts at `places`, under one lock; 0 where no post stands.
    pub(crate) fn totals_at(&self, places: &[u32], totals: &mut Vec<u64>) {
        let posts = self.posts.read();
        totals.clear();
        totals.extend(places.iter().map(|&place| posts.table.total_at(place as usize)));
    }

    /// See [`LiveCounts::recent`].
    pub fn recent_keys(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Vec<TimeKey> {
        self.in_order().recent(since, after, limit)
    }

    /// The orders with every post in its place.
    fn in_order(&self) -> RwLockReadGuard<'_, Orders> {
        let orders = self.orders.read();
        if self.moved() == 0 {
            return orders;
        }
        drop(orders);
        let mut orders = self.orders.write();
        self.settle_into(&mut orders, usize::MAX);
        RwLockWriteGuard::downgrade(orders)
    }

    /// Puts up to `most` posts into their places. How many are left.
    pub(crate) fn settle(&self, most: usize) -> usize {
        self.settle_into(&mut self.orders.write(), most)
    }

    fn settle_into(&self, orders: &mut Orders, most: usize) -> usize {
        let mut posts = self.posts.write();
        let (moves, left) = (posts.take_moves(most), posts.moved.len());
        drop(posts);
        orders.apply(moves, self.clock.now());
        left
    }

    /// How many posts are out of their places.
    pub(crate) fn moved(&self) -> usize {
        self.posts.read().moved.len()
    }

    /// See [`LiveCounts::merge`]; the lock is taken once for all states.
    pub fn merge_all<'a>(&self, states: impl IntoIterator<Item = &'a PostState>) {
        let mut posts = self.posts.write();
        for state in states {
            posts.merge(state);
        }
        let moved = posts.moved.len();
        drop(posts);
        if moved > MOST_MOVED {
            self.settle(usize::MAX);
        }
    }

    /// Hides a post, or shows it again; nothing happens to a post that is not held.
    pub fn set_hidden(&self, post: &PostId, hidden: bool) {
        let mut orders = self.orders.write();
        let mut posts = self.posts.write();
        let Some(at) = posts.table.place(post.as_str()) else {
            return;
        };
        if posts.table.is_hidden_at(at) != hidden {
            orders.apply(posts.take_moves(usize::MAX), self.clock.now());
            posts.table.set_hidden(at, hidden);
            let rank = posts.table.rank_at(at);
            if hidden { orders.remove(&rank) } else { orders.insert(rank) }
        }
    }
}

impl Posts {
    /// Looks the post up once: this is most of what a like costs here.
    fn merge(&mut self, new: &PostState) {
        let Some(at) = self.table.place(new.post.as_str()) else {
            let at = self.table.insert(new.clone(), false);
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

    /// Up to `most` of the moves that wait, for whoever holds the lock of the orders.
    fn take_moves(&mut self, most: usize) -> Vec<Move> {
        let Self { table, moved } = self;
        let kept = moved.len().saturating_sub(most);
        let take = |Moved { at, from }| {
            table.end_move(at);
            let to = table.rank_at(at);
            let from =
                from.map(|(total, created_at)| RankEntry { total, created_at, ..to.clone() });
            Move { from, to }
        };
        moved.drain(kept..).map(take).collect()
    }
}

fn scan_ahead<T>(mut scan: impl Iterator<Item = T>, pages: &SyncSender<Vec<T>>) {
    loop {
        let page: Vec<T> = scan.by_ref().take(PAGE).collect();
        // It is received unless the other thread has found what it can make nothing of.
        if page.is_empty() || pages.send(page).is_err() {
            return;
        }
    }
}

/// What a scan yielded, neither indexed nor sorted yet.
struct Loaded {
    table: Table,
    ranks: Vec<RankEntry>,
    times: Vec<TimeKey>,
}

impl Loaded {
    /// Room that is not used takes no memory, and what grows does so by moving all of itself.
    fn with_room(kinds: usize, posts: usize) -> Self {
        let mut table = Table::new(kinds);
        table.reserve(posts);
        Self { table, ranks: Vec::with_capacity(posts), times: Vec::with_capacity(posts) }
    }

    /// All that is needed of a post is made while its id is near.
    fn take_in(mut self, states: impl Iterator<Item = (PostState, bool)>) -> Self {
        for (state, hidden) in states {
            if !hidden {
                let rank = rank_of(&state);
                self.times.push(order::time_key(&rank));
                self.ranks.push(rank);
            }
            self.table.append(state, hidden);
        }
        self
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

    async fn hide(&self, post: &PostId, hidden: bool, revision: u64) -> Result<(), PortError> {
        if self.place(post.as_str()).is_none() {
            return Ok(());
        }
        let mut revisions = self.revisions.lock();
        let newest = revisions.entry(post.clone()).or_default();
        if revision >= *newest {
            *newest = revision;
            self.set_hidden(post, hidden);
        }
        Ok(())
    }

    async fn entries(&self, posts: &[PostId]) -> Result<Vec<Option<LiveEntry>>, PortError> {
        let held = self.posts.read();
        let entry = |(state, hidden)| LiveEntry { state, hidden };
        Ok(posts.iter().map(|post| held.table.get(post).map(entry)).collect())
    }

    async fn top(&self, since: Option<Millis>, limit: usize) -> Result<Vec<RankEntry>, PortError> {
        Ok(self.in_order().top(since, limit))
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
                        prop_assert_eq!(read.top(None, 100), ranks.clone());
                        prop_assert_eq!(read.top(Some(Millis(1_799_999_999_000)), 100), ranks);
                    }
                    _ => {}
                }
            }
        }
    }
}
