use std::cell::{Cell, RefCell};
use std::future::pending;

use futures::FutureExt;
use kudos_degraded::{
    AnyError, BestEffort, Deadline, Delivery, Elapsed, Reason, Record, best_effort,
};
use tokio::time::{Instant, sleep};

use crate::support::{Failure, Journal, breaker, broken, ms, trip};

/// Every miss that was recorded.
#[derive(Default)]
struct Misses(RefCell<Vec<Reason>>);

impl Record for &Misses {
    fn missed(self, reason: Reason) {
        self.0.borrow_mut().push(reason);
    }
}

impl Misses {
    fn seen(&self) -> Vec<Reason> {
        self.0.borrow().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_delivery_leaves_no_record() {
    let misses = Misses::default();
    let delivery = async {
        sleep(ms(39)).await;
        Ok::<_, Failure>("stored")
    };
    let outcome = best_effort(Deadline::after(ms(40)), delivery, &misses).await;
    assert!(outcome.is_confirmed());
    assert_eq!(misses.seen(), []);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_recorded_once_and_fails_nobody() {
    let misses = Misses::default();
    let delivery = async { Err::<(), _>(broken()) };
    let outcome = best_effort(Deadline::after(ms(40)), delivery, &misses).await;
    assert_eq!(outcome, Delivery::Missed(Reason::Error));
    assert_eq!(misses.seen(), [Reason::Error]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_costs_the_budget_and_is_recorded_once() {
    let (start, misses) = (Instant::now(), Misses::default());
    let hang = pending::<Result<(), Elapsed>>();
    let outcome = best_effort(Deadline::after(ms(40)), hang, &misses).await;
    assert_eq!(outcome, Delivery::Missed(Reason::Timeout));
    assert_eq!(start.elapsed(), ms(40));
    assert_eq!(misses.seen(), [Reason::Timeout]);
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_is_recorded_as_such_and_costs_no_time() {
    let (start, misses, breaker) = (Instant::now(), Misses::default(), breaker());
    trip(&breaker);
    let deadline = Deadline::after(ms(40));
    let delivery = breaker.call(deadline, AnyError, pending::<Result<(), Failure>>());
    let outcome = best_effort(deadline, delivery, &misses).await;
    assert_eq!(outcome, Delivery::Missed(Reason::Open));
    assert_eq!(misses.seen(), [Reason::Open]);
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_a_record() {
    let misses = Misses::default();
    let hang = pending::<Result<(), Elapsed>>();
    let call = best_effort(Deadline::after(ms(40)), hang, &misses);
    assert!(tokio::time::timeout(ms(10), call).await.is_err());
    assert_eq!(misses.seen(), [Reason::Abandoned]);
}

#[tokio::test(start_paused = true)]
async fn a_future_dropped_before_its_first_poll_leaves_a_record() {
    let misses = Misses::default();
    let delivery = async { Ok::<_, Elapsed>(()) };
    drop(best_effort(Deadline::after(ms(40)), delivery, &misses));
    assert_eq!(misses.seen(), [Reason::Abandoned]);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_panics_leaves_a_record() {
    let misses = Misses::default();
    let delivery = async { panic!("a bug in an adapter") };
    let call = best_effort::<(), Elapsed, _>(Deadline::after(ms(40)), delivery, &misses);
    assert!(std::panic::AssertUnwindSafe(call).catch_unwind().await.is_err());
    assert_eq!(misses.seen(), [Reason::Abandoned]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_already_past_is_recorded_without_a_try() {
    let misses = Misses::default();
    let delivery = async { Ok::<_, Elapsed>(()) };
    let outcome = best_effort(Deadline::after(ms(0)), delivery, &misses).await;
    assert_eq!(outcome, Delivery::Missed(Reason::Timeout));
    assert_eq!(misses.seen(), [Reason::Timeout]);
}

#[tokio::test(start_paused = true)]
async fn a_named_sink_keeps_to_the_smaller_of_its_budget_and_the_deadline() {
    let journal = Journal::new();
    let sink = BestEffort::observed("search", ms(40), journal.clone());
    for (deadline, waited) in [(400, 40), (15, 15)] {
        let (start, misses) = (Instant::now(), Misses::default());
        let hang = pending::<Result<(), Elapsed>>();
        let outcome = sink.deliver(Deadline::after(ms(deadline)), hang, &misses).await;
        assert_eq!(outcome, Delivery::Missed(Reason::Timeout));
        assert_eq!(start.elapsed(), ms(waited));
        assert_eq!(misses.seen(), [Reason::Timeout]);
        assert_eq!(journal.take(), ["search missed timeout"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_named_sink_counts_what_its_callers_abandoned_and_not_what_was_confirmed() {
    let (journal, misses) = (Journal::new(), Misses::default());
    let sink = BestEffort::observed("search", ms(40), journal.clone());
    let delivery = || async { Ok::<_, Elapsed>(()) };
    assert!(sink.deliver(Deadline::after(ms(400)), delivery(), &misses).await.is_confirmed());
    assert_eq!(journal.take(), [""; 0]);
    drop(sink.deliver(Deadline::after(ms(400)), delivery(), &misses));
    assert_eq!(misses.seen(), [Reason::Abandoned]);
    assert_eq!(journal.take(), ["search missed abandoned"]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_without_a_budget_is_never_tried_and_always_recorded() {
    let (misses, tried) = (Misses::default(), Cell::new(false));
    let delivery = async {
        tried.set(true);
        Ok::<_, Elapsed>(())
    };
    let sink = BestEffort::new("search", ms(0));
    let outcome = sink.deliver(Deadline::after(ms(400)), delivery, &misses).await;
    assert_eq!((outcome, tried.get()), (Delivery::Missed(Reason::Timeout), false));
    assert_eq!(misses.seen(), [Reason::Timeout]);
}
