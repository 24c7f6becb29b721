//! Calls through a half-open breaker, and observers that look back at it.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock};

use futures::FutureExt;
use kudos_degraded::{
    AnyError, Breaker, BreakerConfig, CallError, Deadline, Elapsed, Observer, State,
};
use tokio::time::sleep;

use crate::support::{Failure, breaker, broken, config, ms, trip};

async fn half_open() -> Breaker {
    let breaker = breaker();
    trip(&breaker);
    sleep(ms(100)).await;
    breaker
}

#[tokio::test(start_paused = true)]
async fn successful_calls_probe_and_close_it() {
    let breaker = half_open().await;
    for state in [State::HalfOpen, State::Closed] {
        let call = async { Ok::<_, Failure>(()) };
        breaker.call(Deadline::after(ms(40)), AnyError, call).await.unwrap();
        assert_eq!(breaker.state(), state);
    }
}

#[tokio::test(start_paused = true)]
async fn one_failed_probe_opens_it_again_whatever_succeeded_before() {
    let breaker = half_open().await;
    breaker.try_acquire().unwrap().success();
    let call = async { Err::<(), _>(broken()) };
    assert!(breaker.call(Deadline::after(ms(40)), AnyError, call).await.is_err());
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after, ms(200));
}

#[tokio::test(start_paused = true)]
async fn a_probe_cut_by_its_deadline_opens_it_again() {
    let breaker = half_open().await;
    let call = breaker.call(Deadline::after(ms(40)), AnyError, pending::<Result<(), Failure>>());
    assert!(matches!(call.await, Err(CallError::Elapsed(Elapsed))));
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_had_no_time_says_nothing() {
    let breaker = half_open().await;
    for _ in 0..10 {
        let call = breaker.call(Deadline::after(ms(0)), AnyError, async { Ok::<_, Failure>(()) });
        assert!(matches!(call.await, Err(CallError::Elapsed(Elapsed))));
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_probe_released_gives_its_place_back_however_long_it_took() {
    let breaker = half_open().await;
    for _ in 0..3 {
        let permit = breaker.try_acquire().unwrap();
        sleep(ms(50)).await;
        permit.release();
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_gives_its_place_back() {
    let breaker = half_open().await;
    for _ in 0..5 {
        let bug = async { panic!("a bug in an adapter") };
        let call = breaker.call::<(), Failure>(Deadline::after(ms(40)), AnyError, bug);
        assert!(AssertUnwindSafe(call).catch_unwind().await.is_err());
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_patience_every_abandoned_call_counts() {
    let config = BreakerConfig { patience: ms(0), ..config() };
    let breaker = Breaker::new("node", config).unwrap();
    for _ in 0..3 {
        drop(breaker.try_acquire().unwrap());
    }
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn clones_are_one_breaker() {
    let breaker = breaker();
    trip(&breaker.clone());
    assert!(breaker.try_acquire().is_err());
}

/// Asks the breaker for its state, and for a permit, while it is told of a transition.
#[derive(Default)]
struct Curious {
    breaker: OnceLock<Breaker>,
    seen: Mutex<Vec<(State, State, bool)>>,
}

impl Observer for Curious {
    fn breaker_moved(&self, _: &str, to: State) {
        let breaker = self.breaker.get().expect("set before the first call");
        let permit = breaker.try_acquire();
        self.seen.lock().expect("no test panics in here").push((
            to,
            breaker.state(),
            permit.is_ok(),
        ));
        permit.into_iter().for_each(|permit| permit.release());
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_may_use_the_breaker_that_it_is_told_of() {
    let curious = Arc::new(Curious::default());
    let breaker = Breaker::observed("node", config(), curious.clone()).unwrap();
    curious.breaker.set(breaker.clone()).unwrap();
    trip(&breaker);
    sleep(ms(100)).await;
    breaker.try_acquire().unwrap().success();
    breaker.try_acquire().unwrap().success();
    let seen = [State::Open, State::HalfOpen, State::Closed];
    let seen = seen.map(|state| (state, state, state != State::Open));
    assert_eq!(*curious.seen.lock().unwrap(), seen);
}
