//! Which posts one projection has to learn, and when.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use kudos_core::{Millis, PostId};
use tokio::time::Instant;

use super::pace::Pace;

/// What a post waits for: the first record of it that the projection has not taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    /// The record's number in the order of arrival.
    pub(super) arrival: u64,
    /// Its place in the feed.
    pub(super) place: (u32, u64),
    /// When it was put into the log.
    pub(super) since: Millis,
}

/// What became of a flight for one post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Landed {
    /// The projection needs nothing more of what was known at take-off.
    Done,
    /// It has to be tried again.
    Again,
}

/// The posts that one projection has to learn. A post is in the timeline once, unless it flies.
pub(super) struct Lane {
    pace: Pace,
    marks: HashMap<PostId, Mark>,
    /// When to look at a post again, in that order.
    timeline: BTreeMap<(Instant, u64), PostId>,
    /// The arrivals that posts wait for, in flight or not.
    waits: BTreeSet<u64>,
    next_key: u64,
}

#[derive(Debug)]
struct Mark {
    key: (Instant, u64),
    not_before: Instant,
    ground: Option<Wait>,
    flying: Option<Wait>,
    failures: u32,
}

impl Lane {
    pub(super) fn new(pace: Pace) -> Self {
        let (marks, timeline, waits) = (HashMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { pace, marks, timeline, waits, next_key: 0 }
    }

    /// A record of the post arrived.
    pub(super) fn mark(&mut self, post: &PostId, wait: Wait, now: Instant) {
        let cold = Mark { key: (now, 0), not_before: now, ground: None, flying: None, failures: 0 };
        let known = self.marks.contains_key(post);
        let mark = self.marks.entry(post.clone()).or_insert(cold);
        if mark.ground.is_some() {
            return;
        }
        mark.ground = Some(wait);
        self.waits.insert(wait.arrival);
        let (flies, not_before, old) = (mark.flying.is_some(), mark.not_before, mark.key);
        if known && !flies {
            self.timeline.remove(&old);
        }
        if !flies {
            self.schedule(post.clone(), not_before.max(now + self.pace.linger));
        }
    }

    /// Posts whose time has come, at most `limit`: they fly until they [`land`](Self::land).
    pub(super) fn take(&mut self, now: Instant, limit: usize) -> Vec<PostId> {
        let mut taken = Vec::new();
        if self.due().is_none_or(|due| due > now) {
            return taken;
        }
        // What is due within the next moment comes along: one larger flight instead of many.
        let until = now + self.pace.linger;
        while taken.len() < limit
            && let Some(entry) = self.timeline.first_entry()
            && entry.key().0 <= until
        {
            let post = entry.remove();
            let Some(mark) = self.marks.get_mut(&post) else { continue };
            mark.flying = mark.ground.take();
            match mark.flying {
                Some(_) => taken.push(post),
                // Flushed, and quiet ever since.
                None => drop(self.marks.remove(&post)),
            }
        }
        taken
    }

    /// Ends a post's flight, and tells what it had waited for.
    pub(super) fn land(&mut self, post: &PostId, landed: Landed, now: Instant) -> Option<Wait> {
        let mark = self.marks.get_mut(post)?;
        let flown = mark.flying.take()?;
        let at = match landed {
            Landed::Done => {
                self.waits.remove(&flown.arrival);
                mark.failures = 0;
                mark.not_before = now + self.pace.apart;
                // Marked meanwhile or not: then it is forgotten.
                mark.not_before + self.pace.linger
            }
            Landed::Again => {
                if let Some(later) = mark.ground.replace(flown) {
                    self.waits.remove(&later.arrival);
                }
                mark.failures = mark.failures.saturating_add(1);
                now + self.pace.after_failure(mark.failures)
            }
        };
        self.schedule(post.clone(), at);
        Some(flown)
    }

    /// Lets every post that waits fly now, and without pause from now on.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.pace.apart = Duration::ZERO;
        self.pace.linger = Duration::ZERO;
        for (_, post) in std::mem::take(&mut self.timeline) {
            self.schedule(post, now);
        }
    }

    /// When the next post's time comes.
    pub(super) fn due(&self) -> Option<Instant> {
        self.timeline.first_key_value().map(|((due, _), _)| *due)
    }

    /// The earliest arrival that a post still waits for.
    pub(super) fn earliest(&self) -> Option<u64> {
        self.waits.first().copied()
    }

    /// How many posts wait, those in flight included.
    pub(super) fn waiting(&self) -> usize {
        self.waits.len()
    }

    fn schedule(&mut self, post: PostId, at: Instant) {
        self.next_key += 1;
        let key = (at, self.next_key);
        if let Some(mark) = self.marks.get_mut(&post) {
            mark.key = key;
            self.timeline.insert(key, post);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        apart: Duration::from_secs(1),
        linger: Duration::from_millis(20),
        backoff: kudos_degraded::Backoff::new(Duration::from_millis(100), Duration::from_secs(5)),
        jitter: kudos_degraded::Jitter::NONE,
    };

    fn wait(arrival: u64) -> Wait {
        Wait { arrival, place: (0, arrival), since: Millis(0) }
    }

    fn post(name: &str) -> PostId {
        PostId::new(name).unwrap()
    }

    struct World {
        lane: Lane,
        begun: Instant,
    }

    impl World {
        fn new() -> Self {
            Self { lane: Lane::new(PACE), begun: Instant::now() }
        }

        fn at(&self, millis: u64) -> Instant {
            self.begun + Duration::from_millis(millis)
        }

        fn mark(&mut self, name: &str, arrival: u64, millis: u64) {
            let now = self.at(millis);
            self.lane.mark(&post(name), wait(arrival), now);
        }

        fn take(&mut self, millis: u64) -> Vec<PostId> {
            let now = self.at(millis);
            self.lane.take(now, 10)
        }

        fn land(&mut self, name: &str, landed: Landed, millis: u64) {
            let now = self.at(millis);
            self.lane.land(&post(name), landed, now).unwrap();
        }
    }

    #[test]
    fn a_cold_post_flies_at_once_and_a_hot_one_once_a_second() {
        let mut world = World::new();
        world.mark("p", 1, 0);
        assert_eq!(world.take(20), [post("p")]);
        world.land("p", Landed::Done, 30);
        world.mark("p", 2, 40);
        world.mark("p", 3, 50);
        assert_eq!(world.take(1_029), []);
        assert_eq!(world.take(1_050), [post("p")]);
        assert_eq!(world.lane.earliest(), Some(2));
    }

    #[test]
    fn what_arrives_in_flight_flies_again() {
        let mut world = World::new();
        world.mark("p", 1, 0);
        world.take(20);
        world.mark("p", 2, 25);
        assert_eq!(world.lane.earliest(), Some(1));
        world.land("p", Landed::Done, 30);
        assert_eq!(world.lane.earliest(), Some(2));
        assert_eq!(world.take(1_050), [post("p")]);
    }

    #[test]
    fn a_failed_flight_waits_for_what_it_waited_for_before() {
        let mut world = World::new();
        world.mark("p", 1, 0);
        world.take(20);
        world.mark("p", 2, 25);
        world.land("p", Landed::Again, 30);
        assert_eq!((world.lane.earliest(), world.lane.waiting()), (Some(1), 1));
        assert_eq!(world.take(129), []);
        assert_eq!(world.take(130), [post("p")]);
        world.land("p", Landed::Done, 140);
        assert_eq!(world.lane.waiting(), 0);
    }

    #[test]
    fn a_post_that_grows_quiet_is_forgotten() {
        let mut world = World::new();
        world.mark("p", 1, 0);
        world.take(20);
        world.land("p", Landed::Done, 30);
        assert_eq!(world.take(1_050), []);
        assert!(world.lane.marks.is_empty() && world.lane.timeline.is_empty());
    }

    #[test]
    fn in_a_hurry_nothing_waits_for_its_pace() {
        let mut world = World::new();
        world.mark("p", 1, 0);
        world.take(20);
        world.land("p", Landed::Done, 30);
        world.mark("p", 2, 40);
        let now = world.at(50);
        world.lane.hurry(now);
        assert_eq!(world.take(50), [post("p")]);
    }
}
