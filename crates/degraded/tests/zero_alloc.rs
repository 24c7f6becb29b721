//! The good path allocates nothing. A binary of its own, for its own global allocator.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use kudos_degraded::layers::{BreakerLayer, BulkheadLayer, DeadlineLayer};
use kudos_degraded::{
    AnyError, BestEffort, Breaker, BreakerConfig, Breakers, Bulkhead, BulkheadConfig, CallError,
    Deadline, Delivery, FallbackChain, Reason, Reply, RetryBudget, RetryPolicy, Slot, Source,
    best_effort, retry,
};
use tokio::runtime::{Builder, Runtime};
use tower::{ServiceBuilder, ServiceExt, service_fn};

type Failure = CallError<std::io::Error>;

const BUDGET: Duration = Duration::from_millis(40);

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().build().expect("a clock needs nothing of the system")
}

/// The allocations of the second run: the first may set up the runtime and thread locals.
fn allocations<F: Future>(make: impl Fn() -> F) -> u64 {
    let runtime = runtime();
    // Pinned here, since a debug build of tokio boxes what is larger than 2 KiB.
    let run = || {
        let call = pin!(make());
        runtime.block_on(call);
    };
    run();
    allocation_counter::measure(run).count_total
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

/// Opens it by failures.
fn open_breaker() -> Breaker {
    let breaker = Breaker::new("live", BreakerConfig::default()).expect("valid settings");
    for _ in 0..BreakerConfig::default().failures {
        breaker.try_acquire().expect("still closed").failure();
    }
    breaker
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
    let breaker = open_breaker();
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

#[test]
fn a_deadline_passed_down_allocates_nothing() {
    let count = allocations(async || {
        let deadline = Deadline::after(BUDGET).within(BUDGET / 2);
        assert!(deadline.run(node(deadline)).await.is_ok());
    });
    assert_eq!(count, 0);
}

#[test]
fn a_slot_that_is_free_and_one_that_is_refused_allocate_nothing() {
    let config = BulkheadConfig { concurrency: 1, ..BulkheadConfig::default() };
    let bulkhead = Bulkhead::new("node", config).unwrap();
    let count = allocations(async || {
        let _slot: Slot = bulkhead.try_enter().unwrap();
        assert!(bulkhead.try_enter().is_err());
    });
    assert_eq!(count, 0);
}

#[test]
fn a_call_refused_by_its_breaker_allocates_nothing() {
    let breaker = open_breaker();
    let count = allocations(async || {
        let deadline = Deadline::after(BUDGET);
        let refused = breaker.call(deadline, AnyError, node(deadline)).await;
        assert!(matches!(refused, Err(CallError::Open(_))));
    });
    assert_eq!(count, 0);
}

#[test]
fn a_named_sinks_delivery_allocates_nothing_confirmed_or_missed() {
    let sink = BestEffort::new("sink", BUDGET);
    let count = allocations(async || {
        let deadline = Deadline::after(BUDGET);
        let confirmed = sink.deliver(deadline, node(deadline), |_| ()).await;
        assert_eq!(confirmed, Delivery::Confirmed);
        let fails = async { Err::<(), _>(Reason::Error) };
        let missed = sink.deliver(deadline, fails, |_| ()).await;
        assert_eq!(missed, Delivery::Missed(Reason::Error));
    });
    assert_eq!(count, 0);
}

#[test]
fn a_chain_that_goes_past_three_sources_allocates_nothing() {
    let fails = async |_| Err::<Reply<u64>, _>(Reason::Error);
    let count = allocations(async || {
        let answer = FallbackChain::new("counts", Deadline::after(BUDGET))
            .partial_source(Source::new("live", BUDGET), fails)
            .await
            .partial_source(Source::new("index", BUDGET), fails)
            .await
            .partial_source(Source::new("time", BUDGET), fails)
            .await
            .source(Source::new("truth", BUDGET), node)
            .await
            .finish()
            .unwrap();
        assert_eq!(answer.tried.len(), 3);
    });
    assert_eq!(count, 0);
}

#[test]
fn a_call_through_all_layers_allocates_nothing() {
    let service = ServiceBuilder::new()
        .layer(DeadlineLayer::new(BUDGET))
        .layer(BulkheadLayer::new(Bulkhead::new("node", BulkheadConfig::default()).unwrap()))
        .layer(BreakerLayer::new(Breaker::new("node", BreakerConfig::default()).unwrap()))
        .layer(DeadlineLayer::new(BUDGET))
        .service(service_fn(node));
    let count = allocations(async || {
        let answer = service.clone().oneshot(Deadline::after(BUDGET)).await;
        assert_eq!(answer.unwrap(), 42);
    });
    assert_eq!(count, 0);
}

/// What the README calls the whole stack.
#[test]
fn a_call_behind_every_piece_allocates_nothing() {
    let breaker = Breaker::new("node", BreakerConfig::default()).unwrap();
    let bulkhead = Bulkhead::new("node", BulkheadConfig::default()).unwrap();
    let budget = RetryBudget::new("node", 10, 10).unwrap();
    let policy = RetryPolicy::default();
    let sink = BestEffort::new("sink", BUDGET);
    let once = async |deadline| {
        let _slot = bulkhead.enter(deadline).await?;
        breaker.call(deadline, AnyError, node(deadline)).await
    };
    let count = allocations(async || {
        let deadline = Deadline::after(BUDGET);
        let answered = async {
            FallbackChain::new("counts", deadline)
                .source(Source::new("live", BUDGET).behind(&breaker), |deadline| {
                    retry(&policy, &budget, deadline, |_: &Failure| true, move || once(deadline))
                })
                .await
                .finish()
                .map_err(|_| Reason::Error)
        };
        assert_eq!(sink.deliver(deadline, answered, |_| ()).await, Delivery::Confirmed);
    });
    assert_eq!(count, 0);
}
