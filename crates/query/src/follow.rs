//! What a reader keeps in memory and corrects by the log of changes.

use std::collections::HashMap;
use std::time::Duration;

use kudos_core::ports::{LiveEntry, MAX_AMONG};
use kudos_core::{Change, PostId, PostState};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tokio::time::Instant;

/// Told of every change that the log brings.
pub trait Follower: Send + Sync {
    /// Changes, in order within each post; some may come twice.
    fn changed(&self, changes: &[Change]);

    /// Changes were passed over, nobody knows how many.
    fn missed(&self);
}

/// Posts of a generation; the changes of more are passed over until the next.
const MOST: usize = 20_000;

/// The posts that changed lately, so that a post that was just liked to the top is found although
/// a lagging index does not rank it there yet.
pub struct Recent {
    span: Duration,
    held: Mutex<Held>,
}

/// What changed within the last span, and in the span before: so at least the last span is held,
/// at the cost of two maps and of no clean-up per entry.
struct Held {
    since: Instant,
    young: HashMap<PostId, u64>,
    old: HashMap<PostId, u64>,
}

impl Recent {
    /// Remembers a post for at least `span` after its change: longer than the index lags.
    pub fn new(span: Duration) -> Self {
        let (young, old) = (HashMap::new(), HashMap::new());
        Self { span, held: Mutex::new(Held { since: Instant::now(), young, old }) }
    }

    /// Those with the most reactions, at most [`MAX_AMONG`], in no order.
    pub(crate) fn leaders(&self) -> Vec<PostId> {
        let mut held = self.held.lock();
        held.turn(self.span);
        let older = held.old.iter().filter(|(post, _)| !held.young.contains_key(*post));
        let mut posts: Vec<_> = held.young.iter().chain(older).collect();
        if posts.len() > MAX_AMONG {
            posts.select_nth_unstable_by(MAX_AMONG, |(_, a), (_, b)| b.cmp(a));
            posts.truncate(MAX_AMONG);
        }
        posts.into_iter().map(|(post, _)| post.clone()).collect()
    }
}

impl Held {
    fn turn(&mut self, span: Duration) {
        let age = self.since.elapsed();
        if age < span {
            return;
        }
        self.old = std::mem::take(&mut self.young);
        if age >= 2 * span {
            self.old.clear();
        }
        self.since = Instant::now();
    }
}

impl Follower for Recent {
    fn changed(&self, changes: &[Change]) {
        let mut held = self.held.lock();
        held.turn(self.span);
        for Change { state, .. } in changes {
            if held.young.len() < MOST || held.young.contains_key(&state.post) {
                held.young.insert(state.post.clone(), state.counts.total());
            }
        }
    }

    /// What was passed over is in the index when the next span is over.
    fn missed(&self) {}
}

/// The newest states that the log told of, for live counts that have missed some of them. Versions
/// decide, so that nothing here is ever too old to be kept.
pub struct Newest(Cache<PostId, PostState>);

impl Default for Newest {
    /// Remembers the posts that change and are asked for most, some 20,000.
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl Newest {
    /// Replaces what is older than what is known here, and tells of which posts.
    pub(crate) fn correct(&self, entries: &mut [Option<LiveEntry>]) -> Vec<PostId> {
        let mut behind = Vec::new();
        for LiveEntry { state, .. } in entries.iter_mut().flatten() {
            let newest = self.0.get(&state.post);
            if let Some(newest) = newest.filter(|newest| newest.replaces(state.version)) {
                behind.push(state.post.clone());
                *state = newest;
            }
        }
        behind
    }
}

impl Follower for Newest {
    fn changed(&self, changes: &[Change]) {
        for Change { state, .. } in changes {
            if self.0.peek(&state.post).is_none_or(|held| state.replaces(held.version)) {
                self.0.insert(state.post.clone(), state.clone());
            }
        }
    }

    /// What was passed over is not known here: live counts stand as they are.
    fn missed(&self) {}
}

#[cfg(test)]
mod tests {
    use kudos_core::{Counts, Millis, PostState, Version};

    use super::*;

    fn change(post: usize, total: u64) -> Change {
        let state = PostState {
            post: PostId::new(&format!("p{post}")).unwrap(),
            created_at: Millis(0),
            version: Version(1),
            counts: Counts::from_iter([total]),
            as_of: Millis(0),
        };
        Change { state, users: Vec::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_remembered_for_a_span_and_not_for_ever() {
        let recent = Recent::new(Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(4)).await;
        recent.changed(&[change(1, 1)]);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(recent.leaders().len(), 1);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(recent.leaders(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn of_too_many_those_with_the_most_reactions_are_told() {
        let recent = Recent::new(Duration::from_secs(5));
        let changes: Vec<_> = (0..MAX_AMONG * 2).map(|post| change(post, post as u64)).collect();
        recent.changed(&changes);
        let leaders = recent.leaders();
        assert_eq!(leaders.len(), MAX_AMONG);
        assert!(!leaders.contains(&changes[0].state.post));
        assert!(leaders.contains(&changes[MAX_AMONG * 2 - 1].state.post));
    }

    #[tokio::test(start_paused = true)]
    async fn no_number_of_changes_takes_more_than_its_room() {
        let recent = Recent::new(Duration::from_secs(5));
        let changes: Vec<_> = (0..MOST + 10).map(|post| change(post, 1)).collect();
        recent.changed(&changes);
        assert_eq!(recent.held.lock().young.len(), MOST);
    }
}
