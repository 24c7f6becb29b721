//! A port that misbehaves on demand: it fails, is slow, never answers, or does what it was asked
//! and loses the answer. A test steers it while it runs, and can wait for calls to arrive.
//!
//! ```
//! # use kudos_testkit::{Call, Faulty, MemoryLive};
//! # use kudos_core::PortError;
//! let live = Faulty::new(MemoryLive::new());
//! let faults = live.faults();
//! faults.hang();                                              // every call, until healed
//! faults.on(Call::Top).fail_with(PortError::Timeout);         // one method only
//! faults.on(Call::Merge).next(2).fail_with(PortError::NoSpace); // two calls, then well again
//! faults.heal();
//! ```

mod copies;
mod ports;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kudos_core::PortError;
use parking_lot::Mutex;
use tokio::sync::watch;

/// A method of a port. Methods of one name in two ports share it: each port has its own faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `ReactionStore::apply`
    Apply,
    /// `ReactionStore::states` and `LiveCounts::states`
    States,
    /// `ReactionStore::held`
    Held,
    /// `ReactionStore::reactors`
    Reactors,
    /// `LiveCounts::merge`
    Merge,
    /// `LiveCounts::hide` and `PostStore::hide`
    Hide,
    /// `LiveCounts::top`
    Top,
    /// `LiveCounts::recent`
    Recent,
    /// `EventLog::publish`
    Publish,
    /// `EventLog::read`
    Read,
    /// `EventLog::head`
    Head,
    /// `EventLog::grown`
    Grown,
    /// `TimedLog::since`
    Since,
    /// `Marks::exchange`
    Exchange,
    /// `PostIndex::refresh`
    Refresh,
    /// `PostIndex::search`
    Search,
    /// `PostStore::upsert`
    Upsert,
    /// `PostStore::meta`
    Meta,
    /// `PostStore::get`
    Get,
    /// `PostStore::by_time`
    ByTime,
    /// `Snapshots::snapshots`
    Snapshots,
    /// `Snapshots::settle`
    Settle,
    /// `Snapshots::scan`
    Scan,
    /// `Snapshots::recount`
    Recount,
    /// `Projection::put`
    Put,
    /// `OutageJournal::cover`
    Cover,
    /// `OutageWindows::due`
    Due,
    /// `OutageWindows::posts`
    WindowPosts,
    /// `OutageWindows::told`
    Told,
    /// `ChangeFeed::next`
    Next,
    /// `ChangeFeed::commit`
    Commit,
    /// `ChangeFeed::set_aside`
    SetAside,
    /// `Leases::hold`
    Hold,
    /// `Leases::release`
    Release,
}

/// What happens to a call.
#[derive(Debug, Clone)]
enum Fault {
    Fail(PortError),
    Delay(Duration),
    Hang,
    LoseAnswer,
}

/// A fault, for one method or all, for some calls or until healed.
#[derive(Debug)]
struct Rule {
    call: Option<Call>,
    left: Option<usize>,
    fault: Fault,
}

/// Steers the faults of one port. Clones steer the same port.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    rules: Mutex<Vec<Rule>>,
    calls: watch::Sender<Vec<Call>>,
}

impl Faults {
    /// Every call fails with this error and does nothing.
    pub fn fail_with(&self, error: PortError) {
        self.all().fail_with(error);
    }

    /// No call ever answers or does anything, not even after it is healed.
    pub fn hang(&self) {
        self.all().hang();
    }

    /// Every call is done after this time, on tokio's clock, which a test can pause.
    pub fn delay(&self, by: Duration) {
        self.all().delay(by);
    }

    /// Every call is done, and answers that it timed out.
    pub fn lose_answers(&self) {
        self.all().lose_answers();
    }

    /// Calls from now on are well.
    pub fn heal(&self) {
        self.0.rules.lock().clear();
    }

    /// Selects the calls of one method, for a fault that overrides all that were set before.
    pub fn on(&self, call: Call) -> Selected<'_> {
        Selected { call: Some(call), ..self.all() }
    }

    /// How often a method was called, whether it was well or not.
    pub fn calls(&self, call: Call) -> usize {
        count(&self.0.calls.borrow(), call)
    }

    /// Returns once a method was called `times` times in all.
    pub async fn called(&self, call: Call, times: usize) {
        let mut calls = self.0.calls.subscribe();
        // The sender lives as long as `self`, so the wait ends only by the calls.
        let _ = calls.wait_for(|calls| count(calls, call) >= times).await;
    }

    fn all(&self) -> Selected<'_> {
        Selected { faults: self, call: None, left: None }
    }

    /// The fault for a call that arrives now; the rule set last wins.
    fn meet(&self, call: Call) -> Option<Fault> {
        self.0.calls.send_modify(|calls| calls.push(call));
        let mut rules = self.0.rules.lock();
        let concerns = |rule: &Rule| rule.call.is_none_or(|named| named == call);
        let place = rules.iter().rposition(concerns)?;
        let fault = rules[place].fault.clone();
        if let Some(left) = &mut rules[place].left {
            *left -= 1;
            if *left == 0 {
                rules.remove(place);
            }
        }
        Some(fault)
    }

    /// Puts a call through whatever is in its way.
    async fn around<T, E: From<PortError>>(
        &self,
        call: Call,
        work: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        match self.meet(call) {
            None => work.await,
            Some(Fault::Fail(error)) => Err(error.into()),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Delay(by)) => {
                tokio::time::sleep(by).await;
                work.await
            }
            Some(Fault::LoseAnswer) => {
                work.await?;
                Err(PortError::Timeout.into())
            }
        }
    }
}

fn count(calls: &[Call], call: Call) -> usize {
    calls.iter().filter(|&&called| called == call).count()
}

/// Calls that were selected for a fault.
#[derive(Debug)]
pub struct Selected<'a> {
    faults: &'a Faults,
    call: Option<Call>,
    left: Option<usize>,
}

impl Selected<'_> {
    /// Only the next `calls` of them, at least one; then what was set before holds again.
    pub fn next(mut self, calls: usize) -> Self {
        self.left = Some(calls.max(1));
        self
    }

    /// They fail with this error and do nothing.
    pub fn fail_with(self, error: PortError) {
        self.set(Fault::Fail(error));
    }

    /// They never answer or do anything.
    pub fn hang(self) {
        self.set(Fault::Hang);
    }

    /// They are done after this time.
    pub fn delay(self, by: Duration) {
        self.set(Fault::Delay(by));
    }

    /// They are done, and answer that they timed out.
    pub fn lose_answers(self) {
        self.set(Fault::LoseAnswer);
    }

    fn set(self, fault: Fault) {
        let (call, left) = (self.call, self.left);
        self.faults.0.rules.lock().push(Rule { call, left, fault });
    }
}

/// A port behind [`Faults`]. It is well until told otherwise.
#[derive(Debug)]
pub struct Faulty<P: ?Sized> {
    faults: Faults,
    inner: Arc<P>,
}

impl<P> Faulty<P> {
    /// Puts a port behind faults of its own.
    pub fn new(inner: P) -> Self {
        Self::around(Arc::new(inner))
    }
}

impl<P: ?Sized> Faulty<P> {
    /// Puts a port that others hold too behind faults of its own: theirs stays well.
    pub fn around(inner: Arc<P>) -> Self {
        let faults = Faults::default();
        Self { faults, inner }
    }

    /// Another port of the same server: what goes wrong goes wrong with both.
    pub fn beside<Q>(&self, inner: Arc<Q>) -> Faulty<Q> {
        Faulty { faults: self.faults.clone(), inner }
    }

    /// What steers this port.
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    /// The port itself, past the faults.
    pub fn inner(&self) -> &Arc<P> {
        &self.inner
    }
}
