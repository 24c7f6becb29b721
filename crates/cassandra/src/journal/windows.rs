//! A writer's open windows, in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::Ticket;
use kudos_core::{Millis, PostId};
use tokio::sync::OnceCell;

/// The most posts of a window that are remembered as noted; others are noted again.
const MAX_NOTED: usize = 200_000;

/// Something that is written once: who comes while it is being written waits for it.
pub(crate) type Once = Arc<OnceCell<()>>;

/// What is known of a window that is not closed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Open {
    tickets: usize,
    pub(crate) missed: BTreeSet<&'static str>,
    /// Whether any sink may have missed something.
    pub(crate) any_sink: bool,
    pub(crate) in_doubt: bool,
}

impl Open {
    pub(crate) fn is_clean(&self) -> bool {
        self.missed.is_empty() && !self.any_sink && !self.in_doubt
    }
}

/// The windows that are open, and what is noted in the present one.
#[derive(Debug)]
pub(crate) struct Windows {
    length_ms: u64,
    present: u64,
    open: BTreeMap<u64, Open>,
    registered: Once,
    noted: HashMap<PostId, Once>,
    last_stamp: i64,
}

/// What a write needs before it may begin.
pub(crate) struct Entry {
    pub(crate) window: u64,
    /// That the window is open is to be written here.
    pub(crate) registered: Once,
    /// That the post is in it is to be written here.
    pub(crate) noted: Once,
}

/// The row of a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sign {
    pub(crate) first_open: u64,
    pub(crate) last_open: u64,
    pub(crate) heartbeat: Millis,
    /// The newness of this row, in microseconds: rows may arrive in another order.
    pub(crate) stamp: i64,
}

impl Windows {
    pub(crate) fn new(length: Duration) -> Self {
        Self {
            length_ms: u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1),
            present: 0,
            open: BTreeMap::new(),
            registered: Once::default(),
            noted: HashMap::new(),
            last_stamp: 0,
        }
    }

    /// Opens the present window, or keeps it open, for one more ticket.
    pub(crate) fn enter(&mut self, now: Millis, post: &PostId) -> Entry {
        self.advance(now);
        self.open.entry(self.present).or_default().tickets += 1;
        let noted = match self.noted.get(post) {
            Some(noted) => Arc::clone(noted),
            None => {
                let noted = Once::default();
                if self.noted.len() < MAX_NOTED {
                    self.noted.insert(post.clone(), Arc::clone(&noted));
                }
                noted
            }
        };
        Entry { window: self.present, registered: Arc::clone(&self.registered), noted }
    }

    /// A clock that is set back does not bring a window back.
    fn advance(&mut self, now: Millis) {
        let present = now.0 / self.length_ms;
        if present > self.present {
            self.present = present;
            self.registered = Once::default();
            self.noted = HashMap::new();
        }
    }

    pub(crate) fn end(&mut self, ticket: Ticket) {
        if let Some(open) = self.open.get_mut(&ticket.0) {
            open.tickets = open.tickets.saturating_sub(1);
        }
    }

    /// Marks the ticket's window and all later ones: the post may be noted in those too, for
    /// writes that came after.
    pub(crate) fn missed(&mut self, ticket: Ticket, sink: &'static str) {
        for open in self.open.range_mut(ticket.0..).map(|(_, open)| open) {
            open.missed.insert(sink);
        }
    }

    /// Marks the ticket's window and all later ones.
    pub(crate) fn in_doubt(&mut self, ticket: Ticket) {
        for open in self.open.range_mut(ticket.0..).map(|(_, open)| open) {
            (open.in_doubt, open.any_sink) = (true, true);
        }
    }

    /// Others may have taken this writer for dead, and have delivered windows that were open.
    pub(crate) fn suspect_all(&mut self) {
        for open in self.open.values_mut() {
            (open.in_doubt, open.any_sink) = (true, true);
        }
    }

    /// The oldest window, if it is over and nobody is in it; with `finally` also the present one.
    /// Windows are closed in their order.
    pub(crate) fn closable(&mut self, now: Millis, finally: bool) -> Option<(u64, Open)> {
        self.advance(now);
        let (&window, open) = self.open.first_key_value()?;
        let over = finally || window < self.present;
        (over && open.tickets == 0).then(|| (window, open.clone()))
    }

    /// Forgets a window, unless somebody entered it or found something missed meanwhile.
    pub(crate) fn close(&mut self, window: u64, recorded: &Open) {
        if self.open.get(&window) == Some(recorded) {
            self.open.remove(&window);
            if window == self.present {
                // A write that comes after all finds nothing of it noted.
                (self.registered, self.noted) = (Once::default(), HashMap::new());
            }
        }
    }

    /// The writer's row as of now. Without an open window, the range is empty.
    pub(crate) fn sign(&mut self, now: Millis) -> Sign {
        let stamp = i64::try_from(now.0).unwrap_or(i64::MAX).saturating_mul(1000);
        self.last_stamp = stamp.max(self.last_stamp.saturating_add(1));
        let first = self.open.first_key_value().map(|(&window, _)| window);
        let last = self.open.last_key_value().map_or(self.present, |(&window, _)| window);
        Sign {
            first_open: first.unwrap_or(last + 1),
            last_open: last,
            heartbeat: now,
            stamp: self.last_stamp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;

    fn windows() -> Windows {
        Windows::new(Duration::from_secs(10))
    }

    fn at(seconds: u64) -> Millis {
        Millis(seconds * SECOND)
    }

    fn enter(windows: &mut Windows, seconds: u64) -> Ticket {
        Ticket(windows.enter(at(seconds), &PostId::new("p").unwrap()).window)
    }

    #[test]
    fn a_window_closes_when_it_is_over_and_all_before_it_are_closed() {
        let mut windows = windows();
        let (first, second) = (enter(&mut windows, 5), enter(&mut windows, 15));
        windows.end(second);
        assert_eq!(windows.closable(at(25), false), None, "the first is still entered");
        windows.end(first);
        for window in [0, 1] {
            let (found, open) = windows.closable(at(25), false).unwrap();
            assert_eq!((found, open.is_clean()), (window, true));
            windows.close(found, &open);
        }
        assert_eq!(windows.closable(at(25), false), None);
    }

    #[test]
    fn the_present_window_closes_only_finally() {
        let mut windows = windows();
        let ticket = enter(&mut windows, 5);
        windows.end(ticket);
        assert_eq!(windows.closable(at(9), false), None);
        assert!(windows.closable(at(9), true).is_some());
    }

    #[test]
    fn what_is_missed_marks_the_tickets_window_and_those_after_it() {
        let mut windows = windows();
        let tickets = [5, 15, 25].map(|seconds| enter(&mut windows, seconds));
        windows.missed(tickets[1], "live");
        tickets.into_iter().for_each(|ticket| windows.end(ticket));
        let clean = [true, false, false];
        for (window, clean) in (0..).zip(clean) {
            let (found, open) = windows.closable(at(35), false).unwrap();
            assert_eq!((found, open.is_clean()), (window, clean));
            windows.close(found, &open);
        }
    }

    #[test]
    fn a_window_that_changed_while_it_was_recorded_stays_open() {
        let mut windows = windows();
        let ticket = enter(&mut windows, 5);
        windows.end(ticket);
        let (window, recorded) = windows.closable(at(15), false).unwrap();
        windows.in_doubt(ticket);
        windows.close(window, &recorded);
        let (_, open) = windows.closable(at(15), false).unwrap();
        assert!(open.in_doubt && open.any_sink);
    }

    #[test]
    fn a_post_is_noted_once_a_window_and_anew_in_the_next() {
        let mut windows = windows();
        let post = PostId::new("p").unwrap();
        let [a, b, c] = [5, 9, 10].map(|seconds| windows.enter(at(seconds), &post));
        assert!(Arc::ptr_eq(&a.noted, &b.noted) && Arc::ptr_eq(&a.registered, &b.registered));
        assert!(!Arc::ptr_eq(&a.noted, &c.noted) && !Arc::ptr_eq(&a.registered, &c.registered));
    }

    #[test]
    fn the_sign_of_life_names_the_open_windows_and_gets_newer_under_any_clock() {
        let mut windows = windows();
        let ticket = enter(&mut windows, 5);
        enter(&mut windows, 25);
        let first = windows.sign(at(25));
        assert_eq!((first.first_open, first.last_open), (0, 2));
        windows.end(ticket);
        let (window, open) = windows.closable(at(25), false).unwrap();
        windows.close(window, &open);
        let second = windows.sign(at(3));
        assert_eq!((second.first_open, second.last_open), (2, 2));
        assert!(second.stamp > first.stamp);
    }
}
