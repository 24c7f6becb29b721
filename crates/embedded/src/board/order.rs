//! The popular order, the time order, and the popular order of each recent hour, of which any
//! window is a merge.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use kudos_core::{Millis, RankEntry, TimeKey, Window};

const HOUR: u64 = 3_600_000;

pub(super) struct Orders {
    popular: BTreeSet<RankEntry>,
    by_time: BTreeSet<TimeKey>,
    /// Posts by their creation hour, for the hours from `first_hour` on.
    by_hour: BTreeMap<u64, BTreeSet<RankEntry>>,
    first_hour: u64,
}

/// A post that goes to another place, or gets its first.
pub(super) struct Move {
    pub(super) from: Option<RankEntry>,
    pub(super) to: RankEntry,
}

/// The oldest hour that the longest window can reach at `now`, or within the hour after.
fn oldest_hour(now: Millis) -> u64 {
    now.minus(Window::LONGEST + Duration::from_millis(HOUR)).0 / HOUR
}

pub(super) fn time_key(rank: &RankEntry) -> TimeKey {
    TimeKey { created_at: rank.created_at, post: rank.post.clone() }
}

impl Orders {
    pub(super) fn new(now: Millis) -> Self {
        Self {
            popular: BTreeSet::new(),
            by_time: BTreeSet::new(),
            by_hour: BTreeMap::new(),
            first_hour: oldest_hour(now),
        }
    }

    /// Orders of distinct posts, given twice. The sets are built from sorted input, which packs
    /// their nodes; the time order by another thread.
    pub(super) fn from_unsorted(
        mut ranks: Vec<RankEntry>,
        mut times: Vec<TimeKey>,
        now: Millis,
    ) -> Self {
        let first_hour = oldest_hour(now);
        thread::scope(|scope| {
            let by_time = scope.spawn(move || {
                times.sort_unstable();
                times.into_iter().collect()
            });
            ranks.sort_unstable();
            let mut by_hour: BTreeMap<u64, BTreeSet<RankEntry>> = BTreeMap::new();
            for rank in ranks.iter().filter(|rank| rank.created_at.0 / HOUR >= first_hour) {
                by_hour.entry(rank.created_at.0 / HOUR).or_default().insert(rank.clone());
            }
            let popular = ranks.into_iter().collect();
            let by_time = by_time.join().unwrap_or_else(|panic| resume_unwind(panic));
            Self { popular, by_time, by_hour, first_hour }
        })
    }

    pub(super) fn insert(&mut self, rank: RankEntry) {
        self.by_time.insert(time_key(&rank));
        self.insert_rank(rank);
    }

    pub(super) fn remove(&mut self, rank: &RankEntry) {
        self.by_time.remove(&time_key(rank));
        self.remove_rank(rank);
    }

    /// Moves posts, and drops the hours that no window reaches any more at `now`.
    pub(super) fn apply(&mut self, moves: Vec<Move>, now: Millis) {
        self.forget_before(now);
        for Move { from, to } in moves {
            match from {
                Some(from) => self.replace(&from, to),
                None => self.insert(to),
            }
        }
    }

    /// Moves a post; its place in time order is touched only if it was created at another time.
    fn replace(&mut self, old: &RankEntry, new: RankEntry) {
        if old.created_at == new.created_at {
            self.remove_rank(old);
            self.insert_rank(new);
        } else {
            self.remove(old);
            self.insert(new);
        }
    }

    fn insert_rank(&mut self, rank: RankEntry) {
        let hour = rank.created_at.0 / HOUR;
        if hour >= self.first_hour {
            self.by_hour.entry(hour).or_default().insert(rank.clone());
        }
        self.popular.insert(rank);
    }

    fn remove_rank(&mut self, rank: &RankEntry) {
        self.popular.remove(rank);
        if let Some(hour) = self.by_hour.get_mut(&(rank.created_at.0 / HOUR)) {
            hour.remove(rank);
        }
    }

    fn forget_before(&mut self, now: Millis) {
        let oldest = oldest_hour(now);
        if oldest > self.first_hour {
            self.first_hour = oldest;
            self.by_hour = self.by_hour.split_off(&oldest);
        }
    }

    /// The first `limit` in popular order of those created at or after `since`.
    pub(super) fn top(&self, since: Option<Millis>, limit: usize) -> Vec<RankEntry> {
        match since {
            None => self.popular.iter().take(limit).cloned().collect(),
            Some(since) if since.0 / HOUR >= self.first_hour => self.merge_hours(since, limit),
            // No window reaches so far back; exact all the same, at the price of a scan.
            Some(since) => {
                let within = self.popular.iter().filter(|rank| rank.created_at >= since);
                within.take(limit).cloned().collect()
            }
        }
    }

    /// A k-way merge: only the first hour can hold posts from before `since`.
    fn merge_hours(&self, since: Millis, limit: usize) -> Vec<RankEntry> {
        let mut hours: Vec<_> = self
            .by_hour
            .range(since.0 / HOUR..)
            .map(|(_, ranks)| ranks.iter().filter(move |rank| rank.created_at >= since))
            .collect();
        let mut heads: BinaryHeap<_> = hours
            .iter_mut()
            .enumerate()
            .filter_map(|(hour, ranks)| ranks.next().map(|rank| Reverse((rank, hour))))
            .collect();
        let mut top = Vec::with_capacity(limit.min(1024));
        while top.len() < limit {
            let Some(Reverse((rank, hour))) = heads.pop() else {
                break;
            };
            top.push(rank.clone());
            heads.extend(hours[hour].next().map(|rank| Reverse((rank, hour))));
        }
        top
    }

    /// Posts in time order behind `after`, down to `since`.
    pub(super) fn recent(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Vec<TimeKey> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = after.map_or(Unbounded, Excluded);
        let posts = self.by_time.range::<TimeKey, _>((start, Unbounded));
        let within = posts.take_while(|key| since.is_none_or(|since| key.created_at >= since));
        within.take(limit).cloned().collect()
    }
}
