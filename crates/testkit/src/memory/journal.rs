//! The outage journal in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{DueWindow, OutageJournal, OutageWindows, Ticket};
use kudos_core::{Clock, PortError, PostId};
use parking_lot::Mutex;

/// How long a window lasts.
pub const WINDOW: Duration = Duration::from_secs(10);

/// One writer's end of an outage journal, and the sweeper's. Windows follow the clock that it was
/// made with; a window that is over stays open until [`close_windows`](Self::close_windows).
#[derive(Debug)]
pub struct MemoryJournal<C> {
    instance: String,
    clock: C,
    rows: Arc<Mutex<Rows>>,
    writer: Mutex<Writer>,
}

/// What is durable: the windows by age, then by writer.
type Rows = BTreeMap<(u64, String), Row>;

#[derive(Debug, Default)]
struct Row {
    posts: BTreeSet<PostId>,
    /// What was found when it was closed unclean, or left open by a writer that died.
    unclean: Option<Unclean>,
}

#[derive(Debug, Clone)]
struct Unclean {
    /// None if it may be any sink.
    missed: Option<BTreeSet<String>>,
    in_doubt: bool,
}

/// What a writer remembers, and loses when it dies.
#[derive(Debug, Default)]
struct Writer {
    dead: bool,
    open: BTreeMap<u64, Open>,
    /// No window before this one is opened again, even if the clock is set back.
    first: u64,
}

#[derive(Debug, Default)]
struct Open {
    tickets: u64,
    missed: BTreeSet<String>,
    in_doubt: bool,
}

impl<C: Clock + Clone> MemoryJournal<C> {
    /// An empty journal, and its writer `w0`.
    pub fn new(clock: C) -> Self {
        Self { instance: "w0".into(), clock, rows: Arc::default(), writer: Mutex::default() }
    }

    /// Another writer, or one started anew, on the same journal. No two have the same name.
    pub fn writer(&self, instance: &str) -> Self {
        let (instance, clock, rows) = (instance.into(), self.clock.clone(), self.rows.clone());
        Self { instance, clock, rows, writer: Mutex::default() }
    }

    /// Closes the windows that are over and have no ticket left: the clean ones for good.
    pub fn close_windows(&self) {
        let present = self.window();
        let mut writer = self.writer.lock();
        let over = |window: u64, open: &Open| window < present && open.tickets == 0;
        let closed = writer.open.iter().filter(|&(&window, open)| over(window, open));
        let closed: Vec<u64> = closed.map(|(&window, _)| window).collect();
        for window in closed {
            writer.first = writer.first.max(window + 1);
            let open = writer.open.remove(&window).unwrap_or_default();
            self.close(window, open);
        }
    }

    fn close(&self, window: u64, open: Open) {
        let (mut rows, key) = (self.rows.lock(), (window, self.instance.clone()));
        if open.missed.is_empty() && !open.in_doubt {
            rows.remove(&key);
        } else if let Some(row) = rows.get_mut(&key) {
            // No sink was told of what is in doubt: then it is all of them.
            let missed = (!open.in_doubt).then_some(open.missed);
            row.unclean = Some(Unclean { missed, in_doubt: open.in_doubt });
        }
    }

    /// The writer dies: what it says from now on is lost, and what it left open is due.
    pub fn crash(&self) {
        *self.writer.lock() = Writer { dead: true, ..Writer::default() };
        let mut rows = self.rows.lock();
        let left = rows.iter_mut().filter(|((_, instance), _)| *instance == self.instance);
        for (_, row) in left {
            row.unclean.get_or_insert(Unclean { missed: None, in_doubt: true });
        }
    }

    /// How many windows are held, open ones too.
    pub fn windows(&self) -> usize {
        self.rows.lock().len()
    }

    fn window(&self) -> u64 {
        self.clock.now().0 / u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX)
    }

    fn say(&self, ticket: Ticket, what: impl FnOnce(&mut Open)) {
        if let Some(open) = self.writer.lock().open.get_mut(&ticket.0) {
            what(open);
        }
    }
}

#[async_trait]
impl<C: Clock + Clone> OutageJournal for MemoryJournal<C> {
    async fn cover(&self, post: &PostId) -> Result<Ticket, PortError> {
        let mut writer = self.writer.lock();
        if writer.dead {
            return Err(PortError::Unavailable("the writer is dead".into()));
        }
        let window = self.window().max(writer.first);
        writer.open.entry(window).or_default().tickets += 1;
        let mut rows = self.rows.lock();
        rows.entry((window, self.instance.clone())).or_default().posts.insert(post.clone());
        Ok(Ticket(window))
    }

    fn missed(&self, ticket: Ticket, sink: &'static str) {
        self.say(ticket, |open| {
            open.missed.insert(sink.to_owned());
        });
    }

    fn in_doubt(&self, ticket: Ticket) {
        self.say(ticket, |open| open.in_doubt = true);
    }

    fn end(&self, ticket: Ticket) {
        self.say(ticket, |open| open.tickets -= 1);
    }
}

#[async_trait]
impl<C: Clock + Clone> OutageWindows for MemoryJournal<C> {
    async fn due(&self, limit: usize) -> Result<Vec<DueWindow>, PortError> {
        let rows = self.rows.lock();
        let due = rows.iter().filter_map(|((window, instance), row)| {
            let Unclean { missed, in_doubt } = row.unclean.clone()?;
            let missed = missed.map(|sinks| sinks.into_iter().collect());
            Some(DueWindow { instance: instance.clone(), window: *window, missed, in_doubt })
        });
        Ok(due.take(limit).collect())
    }

    async fn posts(
        &self,
        window: &DueWindow,
        after: Option<&PostId>,
        limit: usize,
    ) -> Result<Vec<PostId>, PortError> {
        let rows = self.rows.lock();
        let Some(row) = rows.get(&(window.window, window.instance.clone())) else {
            return Ok(Vec::new());
        };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let posts = row.posts.range::<PostId, _>((from, Bound::Unbounded));
        Ok(posts.take(limit).cloned().collect())
    }

    async fn told(&self, window: &DueWindow, left: &[String]) -> Result<(), PortError> {
        let (mut rows, key) = (self.rows.lock(), (window.window, window.instance.clone()));
        if left.is_empty() {
            rows.remove(&key);
        } else if let Some(unclean) = rows.get_mut(&key).and_then(|row| row.unclean.as_mut()) {
            unclean.missed = Some(left.iter().cloned().collect());
        }
        Ok(())
    }
}
