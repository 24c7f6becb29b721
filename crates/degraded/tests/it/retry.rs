use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use kudos_degraded::{
    Backoff, CallError, ConfigError, Deadline, Elapsed, Jitter, RetryBudget, RetryPolicy, retry,
};
use tokio::time::{Instant, sleep};

use crate::support::{Failure, Journal, broken, ms};

const POLICY: RetryPolicy =
    RetryPolicy { attempts: 4, backoff: Backoff::new(ms(10), ms(25)), jitter: Jitter::NONE };

fn budget() -> RetryBudget {
    RetryBudget::new("node", 10, 10).expect("valid settings")
}

/// Fails `times` times, then gives the number of the attempt.
struct Flaky {
    times: u32,
    calls: Cell<u32>,
}

impl Flaky {
    fn new(times: u32) -> Self {
        Self { times, calls: Cell::new(0) }
    }

    async fn call(&self) -> Result<u32, Failure> {
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() > self.times { Ok(self.calls.get()) } else { Err(broken()) }
    }
}

async fn run(budget: &RetryBudget, deadline: Deadline, node: &Flaky) -> Result<u32, Failure> {
    retry(&POLICY, budget, deadline, |_| true, || node.call()).await
}

#[tokio::test(start_paused = true)]
async fn it_retries_with_growing_pauses_until_it_succeeds() {
    let (start, node) = (Instant::now(), Flaky::new(3));
    let result = run(&budget(), Deadline::after(ms(1000)), &node).await;
    assert_eq!(result.unwrap(), 4);
    assert_eq!(start.elapsed(), ms(10 + 20 + 25));
}

#[tokio::test(start_paused = true)]
async fn it_stops_after_the_last_attempt() {
    let node = Flaky::new(100);
    let result = run(&budget(), Deadline::after(ms(1000)), &node).await;
    assert!(matches!(result, Err(CallError::Failed(_))));
    assert_eq!(node.calls.get(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_deadline_is_not_begun() {
    let (start, node) = (Instant::now(), Flaky::new(100));
    let result = run(&budget(), Deadline::after(ms(30)), &node).await;
    assert!(matches!(result, Err(CallError::Failed(_))));
    assert_eq!(node.calls.get(), 2);
    assert_eq!(start.elapsed(), ms(10), "the second pause of 20 ms would end at the deadline");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_cut_at_the_deadline() {
    let start = Instant::now();
    let hang = pending::<Result<(), Failure>>;
    let result = retry(&POLICY, &budget(), Deadline::after(ms(30)), |_| true, hang).await;
    assert!(matches!(result, Err(CallError::Elapsed(Elapsed))));
    assert_eq!(start.elapsed(), ms(30));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_a_retry_cannot_help_is_given_at_once() {
    let (budget, node) = (budget(), Flaky::new(100));
    let deadline = Deadline::after(ms(1000));
    let result = retry(&POLICY, &budget, deadline, |_| false, || node.call()).await;
    assert!(result.is_err());
    assert_eq!((node.calls.get(), budget.available()), (1, 10));
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_stops_the_retries_of_all_callers() {
    let journal = Journal::new();
    let budget = RetryBudget::observed("node", 10, 4, journal.clone()).unwrap();
    let node = Flaky::new(u32::MAX);
    for _ in 0..20 {
        assert!(run(&budget, Deadline::after(ms(1000)), &node).await.is_err());
    }
    // 4 at once, and one for each 10 of the 20 calls, less what the full bucket spilled.
    assert_eq!(node.calls.get(), 20 + 5);
    let told = journal.take();
    assert_eq!(told.iter().filter(|line| *line == "node retried").count(), 5);
    assert!(told.contains(&"node refused".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn successful_calls_fill_the_budget_up_to_its_burst() {
    let budget = RetryBudget::new("node", 50, 2).unwrap();
    while budget.try_withdraw() {}
    for (calls, available) in [(1, 0), (1, 1), (2, 2), (50, 2)] {
        for _ in 0..calls {
            let node = Flaky::new(0);
            assert!(run(&budget, Deadline::after(ms(10)), &node).await.is_ok());
        }
        assert_eq!(budget.available(), available);
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_stops_the_retries() {
    let node = Flaky::new(u32::MAX);
    let budget = budget();
    let call = run(&budget, Deadline::after(ms(1000)), &node);
    assert!(tokio::time::timeout(ms(5), call).await.is_err());
    sleep(ms(1000)).await;
    assert_eq!(node.calls.get(), 1);
}

#[test]
fn a_budget_that_makes_no_sense_is_refused() {
    let refused = |percent, burst| RetryBudget::new("node", percent, burst).map(drop).unwrap_err();
    assert_eq!(refused(0, 1), ConfigError::Zero { setting: "percent" });
    assert_eq!(refused(101, 1), ConfigError::TooLarge { setting: "percent", most: 100 });
    assert_eq!(refused(10, 0), ConfigError::Zero { setting: "burst" });
}

#[tokio::test(start_paused = true)]
async fn full_jitter_may_take_the_whole_pause_away() {
    let policy = RetryPolicy { jitter: Jitter::from_fn(|| 0.0), ..POLICY };
    let (start, node) = (Instant::now(), Flaky::new(3));
    let deadline = Deadline::after(ms(10));
    let result = retry(&policy, &budget(), deadline, |_| true, || node.call()).await;
    assert_eq!(result.unwrap(), 4);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn no_attempts_means_one_attempt() {
    for attempts in [0, 1] {
        let policy = RetryPolicy { attempts, ..POLICY };
        let (budget, node) = (budget(), Flaky::new(100));
        let deadline = Deadline::after(ms(1000));
        assert!(retry(&policy, &budget, deadline, |_| true, || node.call()).await.is_err());
        assert_eq!((node.calls.get(), budget.available()), (1, 10));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_past_its_deadline_is_not_attempted_and_costs_no_budget() {
    let (budget, node) = (budget(), Flaky::new(0));
    let result = run(&budget, Deadline::after(ms(0)), &node).await;
    assert!(matches!(result, Err(CallError::Elapsed(Elapsed))));
    assert_eq!((node.calls.get(), budget.available()), (0, 10));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_not_begun_costs_no_budget() {
    let (budget, node) = (budget(), Flaky::new(100));
    assert!(run(&budget, Deadline::after(ms(10)), &node).await.is_err());
    assert_eq!((node.calls.get(), budget.available()), (1, 10));
}

#[test]
fn callers_on_many_threads_never_withdraw_more_than_there_is() {
    let budget = RetryBudget::new("node", 1, 100).unwrap();
    let withdrawn = || (0..100).filter(|_| budget.try_withdraw()).count();
    let all: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(withdrawn)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((all, budget.available()), (100, 0));
}
