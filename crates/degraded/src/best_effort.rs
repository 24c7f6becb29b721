//! Deliveries that may not fail their caller, and may not be forgotten either.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::{Deadline, InTime, Observer, Reason};

/// How a best-effort delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Delivery {
    /// The sink has it.
    Confirmed,
    /// The sink may not have it; the miss is on record.
    Missed(Reason),
}

impl Delivery {
    /// Whether the sink has it.
    pub const fn is_confirmed(self) -> bool {
        matches!(self, Self::Confirmed)
    }
}

/// Where a miss is written down, so that somebody delivers again later.
///
/// Called at most once, possibly from `Drop`: it must be quick, must not block and must not panic.
/// Mark something in memory that a durable journal already covers. Any `FnOnce(Reason)` is one.
pub trait Record {
    /// The sink may not have it.
    fn missed(self, reason: Reason);
}

impl<F: FnOnce(Reason)> Record for F {
    fn missed(self, reason: Reason) {
        self(reason);
    }
}

/// Waits for `delivery` until `deadline`; never fails, never outlasts it.
///
/// Unless the delivery is confirmed, `record` is told exactly once, before this future is done or
/// gone: with the delivery's own reason, with [`Reason::Timeout`], or with [`Reason::Abandoned`] if
/// this future is dropped before its end, even one that was never polled, or if the delivery
/// panics. A delivery given up at the deadline may still have reached the sink: what is delivered
/// again must be harmless twice.
pub fn best_effort<T, E, R: Record>(
    deadline: Deadline,
    delivery: impl Future<Output = Result<T, E>>,
    record: R,
) -> impl Future<Output = Delivery>
where
    E: Into<Reason>,
{
    // Armed here and not when first polled: a future dropped unpolled must leave a record.
    Recorded { delivery: deadline.run(delivery), guard: MissGuard(Some(record)) }
}

pin_project! {
    /// A delivery, and who writes down that it was missed.
    struct Recorded<F, R: Record> {
        #[pin]
        delivery: InTime<F>,
        guard: MissGuard<R>,
    }
}

impl<F, R, T, E> Future for Recorded<F, R>
where
    F: Future<Output = Result<T, E>>,
    R: Record,
    E: Into<Reason>,
{
    type Output = Delivery;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Delivery> {
        let this = self.project();
        Poll::Ready(match ready!(this.delivery.poll(cx)) {
            Ok(Ok(_)) => this.guard.confirm(),
            Ok(Err(error)) => this.guard.miss(error.into()),
            Err(elapsed) => this.guard.miss(elapsed.into()),
        })
    }
}

/// Records a miss unless disarmed.
struct MissGuard<R: Record>(Option<R>);

impl<R: Record> MissGuard<R> {
    fn confirm(&mut self) -> Delivery {
        self.0 = None;
        Delivery::Confirmed
    }

    fn miss(&mut self, reason: Reason) -> Delivery {
        self.tell(reason);
        Delivery::Missed(reason)
    }

    fn tell(&mut self, reason: Reason) {
        if let Some(record) = self.0.take() {
            record.missed(reason);
        }
    }
}

impl<R: Record> Drop for MissGuard<R> {
    fn drop(&mut self) {
        self.tell(Reason::Abandoned);
    }
}

/// [`best_effort`] for one named sink: its own budget, and an observer that counts its misses.
#[derive(Clone)]
pub struct BestEffort {
    sink: &'static str,
    budget: Duration,
    observer: Arc<dyn Observer>,
}

impl BestEffort {
    /// Waits at most `budget` for each delivery to `sink`.
    pub fn new(sink: &'static str, budget: Duration) -> Self {
        Self::observed(sink, budget, Arc::new(()))
    }

    /// The same, telling `observer` of each miss.
    pub fn observed(sink: &'static str, budget: Duration, observer: Arc<dyn Observer>) -> Self {
        Self { sink, budget, observer }
    }

    /// Waits for `delivery` for this sink's budget or until `deadline`, whichever is earlier; see
    /// [`best_effort`] for its promises.
    pub fn deliver<T, E>(
        &self,
        deadline: Deadline,
        delivery: impl Future<Output = Result<T, E>>,
        record: impl Record,
    ) -> impl Future<Output = Delivery>
    where
        E: Into<Reason>,
    {
        best_effort(deadline.within(self.budget), delivery, move |reason| {
            record.missed(reason);
            self.observer.delivery_missed(self.sink, reason);
        })
    }
}

impl fmt::Debug for BestEffort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BestEffort")
            .field("sink", &self.sink)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
