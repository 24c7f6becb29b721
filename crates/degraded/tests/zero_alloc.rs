//! The good path allocates nothing. A binary of its own, for its own global allocator.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use kudos_degraded::{
    AnyError, Breaker, BreakerConfig, Breakers, Bulkhead, BulkheadConfig, CallError, Deadline,
    Delivery, FallbackChain, RetryBudget, RetryPolicy, Source, best_effort, retry,
};
use tokio::runtime::{Builder, Runtime};

type Failure = CallError<std::io::Error>;

const BUDGET: Duration = Duration::from_millis(40);

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().build().expect("a clock needs nothing of the system")
}

/// The allocations of the second run: the first may set up the runtime and thread locals.
fn allocations<F: Future>(make: impl Fn() -> F) -> u64 {
    let runtime = runtime();
    runtime.block_on(make());
    allocation_counter::measure(|| {
        runtime.block_on(make());
    })
    .count_total
}

/// A call that is not ready at once, so that timers get registered. (Tokio's own `yield_now` keeps
/// a list of those who yielded, and allocates it.)
async fn node(_: Deadline) -> Result<u64, Failure> {
    let mut polled = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(Ok(42));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

#[test]
fn the_counter_counts() {
    assert!(allocations(async || drop(std::hint::black_box(Box::new(1)))) > 0);
}

#[test]
fn a_guarded_call_allocates_nothing() {
    let breaker = Breaker::new("node", BreakerConfig::default()).unwrap();
    let bulkhead = Bulkhead::new("node", BulkheadConfig::default()).unwrap();
    let count = allocations(async || {
        let deadline = Deadline::after(BUDGET);
        let _slot = bulkhead.enter(deadline).await.unwrap();
        breaker.call(deadline, AnyError, node(deadline)).await.unwrap()
    });
    assert_eq!(count, 0);
}

#[test]
fn a_known_nodes_breaker_is_looked_up_without_allocating() {
    let breakers = Breakers::new(BreakerConfig::default(), 8).unwrap();
    let count =
        allocations(async || breakers.get("10.0.0.1:6379").try_acquire().unwrap().success());
    assert_eq!(count, 0);
}

#[test]
fn a_chain_answered_by_its_first_source_allocates_nothing() {
    let breaker = Breaker::new("live", BreakerConfig::default()).unwrap();
    let count = allocations(async || {
        let answer = FallbackChain::new("counts", Deadline::after(BUDGET))
            .source(Source::new("live", BUDGET).behind(&breaker), node)
            .await
            .source(Source::new("index", BUDGET), node)
            .await
            .source(Source::new("time", BUDGET), node)
            .await
            .finish()
            .unwrap();
        assert!(!answer.degraded);
    });
    assert_eq!(count, 0);
}

#[test]
fn even_passing_over_an_open_breaker_allocates_nothing() {
    let breaker = Breaker::new("live", BreakerConfig::default()).unwrap();
    for _ in 0..BreakerConfig::default().failures {
        breaker.try_acquire().unwrap().failure();
    }
    let count = allocations(async || {
        let answer = FallbackChain::new("counts", Deadline::after(BUDGET))
            .source(Source::new("live", BUDGET).behind(&breaker), node)
            .await
            .source(Source::new("index", BUDGET), node)
            .await
            .finish()
            .unwrap();
        assert!(answer.degraded);
    });
    assert_eq!(count, 0);
}

#[test]
fn a_confirmed_delivery_and_a_first_attempt_allocate_nothing() {
    let budget = RetryBudget::new("sink", 10, 10).unwrap();
    let policy = RetryPolicy::default();
    let count = allocations(async || {
        let deadline = Deadline::after(BUDGET);
        let call = retry(&policy, &budget, deadline, |_: &Failure| true, || node(deadline));
        assert_eq!(best_effort(deadline, call, |_| ()).await, Delivery::Confirmed);
    });
    assert_eq!(count, 0);
}
