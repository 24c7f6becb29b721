use std::cell::Cell;
use std::future::pending;

use kudos_degraded::{
    AnyError, Backoff, Breaker, BreakerConfig, CallError, ConfigError, Deadline, Elapsed, Jitter,
    Open, State,
};
use tokio::time::{advance, sleep};

use crate::support::{Failure, Journal, breaker, broken, config, ms, trip};

#[tokio::test(start_paused = true)]
async fn it_opens_at_the_threshold_within_the_window() {
    let breaker = breaker();
    for failed in [true, true, false, false, false] {
        let permit = breaker.try_acquire().unwrap();
        if failed { permit.failure() } else { permit.success() }
    }
    // The two failures are about to leave the window of five.
    breaker.try_acquire().unwrap().failure();
    breaker.try_acquire().unwrap().failure();
    assert_eq!(breaker.state(), State::Closed);
    breaker.try_acquire().unwrap().failure();
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_and_says_for_how_long() {
    let breaker = breaker();
    trip(&breaker);
    sleep(ms(40)).await;
    assert_eq!(breaker.try_acquire().unwrap_err(), Open { retry_after: ms(60) });
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_never_polls_the_call() {
    let breaker = breaker();
    trip(&breaker);
    let polled = Cell::new(false);
    let call = async {
        polled.set(true);
        Ok::<_, Failure>(())
    };
    let result = breaker.call(Deadline::after(ms(50)), AnyError, call).await;
    assert!(matches!(result, Err(CallError::Open(_))));
    assert!(!polled.get());
}

#[tokio::test(start_paused = true)]
async fn only_so_many_probes_pass_and_their_success_closes_it() {
    let breaker = breaker();
    trip(&breaker);
    sleep(ms(100)).await;
    let first = breaker.try_acquire().unwrap();
    let second = breaker.try_acquire().unwrap();
    assert_eq!(breaker.state(), State::HalfOpen);
    assert!(breaker.try_acquire().is_err());
    first.success();
    assert!(breaker.try_acquire().is_err(), "one succeeded, one is under way: two in all");
    second.success();
    assert_eq!(breaker.state(), State::Closed);
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn each_failed_probe_doubles_the_rest_up_to_the_cap() {
    let breaker = breaker();
    trip(&breaker);
    for rest in [100, 200, 400, 400] {
        let refused = breaker.try_acquire().unwrap_err();
        assert_eq!(refused.retry_after, ms(rest));
        sleep(ms(rest)).await;
        breaker.try_acquire().unwrap().failure();
    }
}

#[tokio::test(start_paused = true)]
async fn once_closed_the_rest_starts_small_again() {
    let breaker = breaker();
    trip(&breaker);
    sleep(ms(100)).await;
    breaker.try_acquire().unwrap().failure();
    sleep(ms(200)).await;
    breaker.try_acquire().unwrap().success();
    breaker.try_acquire().unwrap().success();
    trip(&breaker);
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after, ms(100));
}

#[tokio::test(start_paused = true)]
async fn jitter_shortens_the_rest_by_half_at_most() {
    let config = BreakerConfig { jitter: Jitter::from_fn(|| 0.0), ..config() };
    let breaker = Breaker::new("node", config).unwrap();
    trip(&breaker);
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after, ms(50));
}

#[tokio::test(start_paused = true)]
async fn a_probe_dropped_early_gives_its_place_back() {
    let breaker = breaker();
    trip(&breaker);
    sleep(ms(100)).await;
    for _ in 0..100 {
        drop(breaker.try_acquire().unwrap());
    }
    breaker.try_acquire().unwrap().success();
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_given_up_after_patience_is_a_failure() {
    let breaker = breaker();
    trip(&breaker);
    sleep(ms(100)).await;
    let probe = breaker.try_acquire().unwrap();
    sleep(ms(30)).await;
    drop(probe);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn probes_that_never_return_do_not_wedge_it() {
    let breaker = breaker();
    trip(&breaker);
    sleep(ms(100)).await;
    std::mem::forget(breaker.try_acquire().unwrap());
    std::mem::forget(breaker.try_acquire().unwrap());
    let lease = breaker.try_acquire().unwrap_err().retry_after;
    assert_eq!(lease, ms(400));
    sleep(lease).await;
    let rest = breaker.try_acquire().unwrap_err().retry_after;
    assert_eq!((breaker.state(), rest), (State::Open, ms(200)));
    sleep(rest).await;
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_late_outcome_of_an_earlier_state_counts_for_nothing() {
    let breaker = breaker();
    let early = breaker.try_acquire().unwrap();
    let another = breaker.try_acquire().unwrap();
    trip(&breaker);
    sleep(ms(100)).await;
    let probe = breaker.try_acquire().unwrap();
    early.failure();
    another.success();
    assert_eq!(breaker.state(), State::HalfOpen);
    probe.success();
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn failures_from_before_the_node_recovered_do_not_open_it_again() {
    let breaker = breaker();
    let early: Vec<_> = (0..5).map(|_| breaker.try_acquire().unwrap()).collect();
    trip(&breaker);
    sleep(ms(100)).await;
    breaker.try_acquire().unwrap().success();
    breaker.try_acquire().unwrap().success();
    early.into_iter().for_each(|permit| permit.failure());
    breaker.try_acquire().unwrap().failure();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_hangs_is_found_out_by_abandoned_calls() {
    let breaker = breaker();
    for _ in 0..3 {
        let call =
            breaker.call(Deadline::after(ms(40)), AnyError, pending::<Result<(), Failure>>());
        assert!(matches!(call.await, Err(CallError::Elapsed(Elapsed))));
    }
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn clients_that_hang_up_early_do_not_open_it() {
    let breaker = breaker();
    for _ in 0..100 {
        let permit = breaker.try_acquire().unwrap();
        advance(ms(5)).await;
        drop(permit);
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn errors_that_are_answers_do_not_open_it() {
    let breaker = breaker();
    let server_side = |result: &Result<(), Failure>| !matches!(result, Err(CallError::Full(_)));
    for _ in 0..10 {
        let call = async { Err(CallError::Full(kudos_degraded::Full)) };
        let result = breaker.call(Deadline::after(ms(40)), server_side, call).await;
        assert!(result.is_err());
    }
    assert_eq!(breaker.state(), State::Closed);
    for _ in 0..3 {
        let call = async { Err(broken()) };
        let result = breaker.call(Deadline::after(ms(40)), server_side, call).await;
        assert!(result.is_err());
    }
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn each_transition_is_told_once() {
    let journal = Journal::new();
    let breaker = Breaker::observed("n1", config(), journal.clone()).unwrap();
    trip(&breaker);
    for _ in 0..50 {
        assert!(breaker.try_acquire().is_err());
    }
    assert_eq!(journal.take(), ["n1 open"]);
    sleep(ms(100)).await;
    breaker.try_acquire().unwrap().success();
    breaker.try_acquire().unwrap().success();
    assert_eq!(journal.take(), ["n1 half_open", "n1 closed"]);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let built = |config| Breaker::new("node", config).map(drop).unwrap_err();
    let zero = |setting| ConfigError::Zero { setting };
    let most = |setting, most| ConfigError::TooLarge { setting, most };
    assert_eq!(built(BreakerConfig { window: 0, ..config() }), zero("window"));
    assert_eq!(built(BreakerConfig { window: 65, ..config() }), most("window", 64));
    assert_eq!(built(BreakerConfig { failures: 0, ..config() }), zero("failures"));
    assert_eq!(built(BreakerConfig { failures: 6, ..config() }), most("failures", 5));
    assert_eq!(built(BreakerConfig { probes: 0, ..config() }), zero("probes"));
    let rest = Backoff::new(ms(0), ms(1));
    assert_eq!(built(BreakerConfig { rest, ..config() }), zero("rest"));
    let rest = Backoff::new(ms(1), std::time::Duration::MAX);
    assert_eq!(built(BreakerConfig { rest, ..config() }), most("rest", 86_400));
}

#[test]
fn threads_that_fail_together_open_it_once() {
    let journal = Journal::new();
    let breaker = Breaker::observed("n1", config(), journal.clone()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    if let Ok(permit) = breaker.try_acquire() {
                        permit.failure();
                    }
                }
            });
        }
    });
    // Real time here: it may have begun to probe, but it cannot have opened twice in a row.
    let told = journal.take();
    assert_eq!(told[0], "n1 open");
    assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "{told:?}");
}
