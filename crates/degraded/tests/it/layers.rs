use std::cell::Cell;
use std::future::pending;

use futures::FutureExt;
use kudos_degraded::layers::{BreakerLayer, BulkheadLayer, DeadlineLayer};
use kudos_degraded::{Bulkhead, BulkheadConfig, CallError, Elapsed, Full, State};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::support::{Failure, breaker, broken, ms, trip};

#[tokio::test(start_paused = true)]
async fn the_deadline_layer_cuts_a_call() {
    let start = Instant::now();
    let hangs = service_fn(async |()| pending::<Result<(), Failure>>().await);
    let result = DeadlineLayer::new(ms(40)).layer(hangs).oneshot(()).await;
    assert!(matches!(result, Err(CallError::Elapsed(Elapsed))));
    assert_eq!(start.elapsed(), ms(40));
}

#[tokio::test(start_paused = true)]
async fn the_breaker_layer_opens_on_errors_and_then_refuses() {
    let breaker = breaker();
    let fails = service_fn(async |()| Err::<(), _>(broken()));
    let mut service = BreakerLayer::new(breaker.clone()).layer(fails);
    for _ in 0..3 {
        let result = service.ready().await.unwrap().call(()).await;
        assert!(matches!(result, Err(CallError::Failed(_))));
    }
    let refused = service.ready().await.unwrap().call(()).await;
    assert!(matches!(refused, Err(CallError::Open(open)) if open.retry_after == ms(100)));
}

#[tokio::test(start_paused = true)]
async fn a_classifier_sees_failures_in_answers() {
    let breaker = breaker();
    let unavailable = service_fn(async |()| Ok::<_, Failure>(503));
    let classify = |result: &Result<u16, Failure>| !matches!(result, Ok(status) if *status < 500);
    let mut service = BreakerLayer::new(breaker.clone()).classify(classify).layer(unavailable);
    for _ in 0..3 {
        assert_eq!(service.ready().await.unwrap().call(()).await.unwrap(), 503);
    }
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_inside_the_breaker_layer_does_not_wedge_it() {
    let breaker = breaker();
    trip(&breaker);
    sleep(ms(100)).await;
    let hangs = service_fn(async |()| pending::<Result<(), Failure>>().await);
    let mut service = BreakerLayer::new(breaker.clone()).layer(hangs);
    for _ in 0..5 {
        let call = service.ready().await.unwrap().call(());
        assert!(tokio::time::timeout(ms(1), call).await.is_err());
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_bulkhead_layer_queues_then_refuses() {
    static GATE: Semaphore = Semaphore::const_new(0);
    let config = BulkheadConfig { concurrency: 1, queue: 1, max_wait: ms(50) };
    let bulkhead = Bulkhead::new("node", config).unwrap();
    let gated = service_fn(async |n: u8| {
        GATE.acquire().await.unwrap().forget();
        Ok::<_, Failure>(n)
    });
    let mut service = BulkheadLayer::new(bulkhead.clone()).layer(gated);
    let first = service.ready().await.unwrap().call(1);
    let second = service.ready().await.unwrap().call(2);
    let third = service.ready().await.unwrap().call(3);
    let (first, second, third, ()) = tokio::join!(first, second, third, async {
        assert_eq!(bulkhead.waiting(), 1);
        GATE.add_permits(2);
    });
    assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
    assert!(matches!(third, Err(CallError::Full(Full))));
    assert_eq!((bulkhead.available(), bulkhead.waiting()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_finished_call_frees_its_slot_even_if_its_future_is_kept() {
    let bulkhead = Bulkhead::new("node", BulkheadConfig::default()).unwrap();
    let echo = service_fn(async |n: u8| Ok::<_, Failure>(n));
    let mut service = BulkheadLayer::new(bulkhead.clone()).layer(echo);
    let mut call = Box::pin(service.ready().await.unwrap().call(1));
    assert_eq!(bulkhead.available(), 255);
    assert_eq!(call.as_mut().await.unwrap(), 1);
    assert_eq!(bulkhead.available(), 256);
}

#[tokio::test(start_paused = true)]
async fn a_full_stack_keeps_one_error_type() {
    let breaker = breaker();
    let hangs = service_fn(async |()| pending::<Result<(), BoxError>>().await);
    let mut service = ServiceBuilder::new()
        .layer(DeadlineLayer::new(ms(200)))
        .layer(BulkheadLayer::new(Bulkhead::new("node", BulkheadConfig::default()).unwrap()))
        .layer(BreakerLayer::new(breaker.clone()))
        .layer(DeadlineLayer::new(ms(10)))
        .service(hangs);
    for _ in 0..3 {
        let error = service.ready().await.unwrap().call(()).await.unwrap_err();
        assert!(error.is::<Elapsed>());
    }
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_queued_call_is_refused_when_no_slot_comes_free() {
    let config = BulkheadConfig { concurrency: 1, queue: 1, max_wait: ms(50) };
    let bulkhead = Bulkhead::new("node", config).unwrap();
    let _held = bulkhead.try_enter().unwrap();
    let start = Instant::now();
    let echo = service_fn(async |n: u8| Ok::<_, Failure>(n));
    let result = BulkheadLayer::new(bulkhead.clone()).layer(echo).oneshot(1).await;
    assert!(matches!(result, Err(CallError::Full(Full))));
    assert_eq!((start.elapsed(), bulkhead.waiting()), (ms(50), 0));
}

#[tokio::test(start_paused = true)]
async fn calls_dropped_at_any_point_leave_no_trace_in_the_bulkhead_layer() {
    let config = BulkheadConfig { concurrency: 1, queue: 1, max_wait: ms(50) };
    let bulkhead = Bulkhead::new("node", config).unwrap();
    let hangs = service_fn(async |()| pending::<Result<(), Failure>>().await);
    let mut service = BulkheadLayer::new(bulkhead.clone()).layer(hangs);
    let running = service.ready().await.unwrap().call(());
    let mut queued = Box::pin(service.ready().await.unwrap().call(()));
    assert!(queued.as_mut().now_or_never().is_none());
    assert_eq!((bulkhead.available(), bulkhead.waiting()), (0, 1));
    drop(queued);
    assert_eq!((bulkhead.available(), bulkhead.waiting()), (0, 0));
    drop(running);
    assert_eq!(bulkhead.available(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_breaker_layer_closes_again_after_its_probes() {
    let breaker = breaker();
    trip(&breaker);
    sleep(ms(100)).await;
    let echo = service_fn(async |n: u8| Ok::<_, Failure>(n));
    let mut service = BreakerLayer::new(breaker.clone()).layer(echo);
    for state in [State::HalfOpen, State::Closed] {
        assert_eq!(service.ready().await.unwrap().call(7).await.unwrap(), 7);
        assert_eq!(breaker.state(), state);
    }
}

#[tokio::test(start_paused = true)]
async fn the_breaker_layer_does_not_make_the_call_that_it_refuses() {
    let breaker = breaker();
    trip(&breaker);
    let called = Cell::new(false);
    let echo = service_fn(|()| {
        called.set(true);
        std::future::ready(Ok::<_, Failure>(()))
    });
    assert!(BreakerLayer::new(breaker).layer(echo).oneshot(()).await.is_err());
    assert!(!called.get());
}

#[tokio::test(start_paused = true)]
async fn a_call_in_time_passes_the_deadline_layer() {
    let slow = service_fn(async |n: u8| {
        sleep(ms(39)).await;
        Ok::<_, Failure>(n)
    });
    assert_eq!(DeadlineLayer::new(ms(40)).layer(slow).oneshot(7).await.unwrap(), 7);
}
