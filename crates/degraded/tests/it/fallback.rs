use std::cell::Cell;
use std::future::pending;

use kudos_degraded::{
    Attempt, ChainError, Deadline, FallbackChain, Full, Missing, Reason, Reply, Source, State,
};
use tokio::time::{Instant, sleep};

use crate::support::{Journal, breaker, ms, trip};

async fn fails(_: Deadline) -> Result<u8, Reason> {
    Err(Reason::Error)
}

async fn hangs(_: Deadline) -> Result<u8, Reason> {
    pending().await
}

async fn seven(_: Deadline) -> Result<u8, Reason> {
    Ok(7)
}

const fn tried(source: &'static str, reason: Reason) -> Attempt {
    Attempt { source, reason }
}

fn chain() -> FallbackChain<'static, u8> {
    FallbackChain::new("counts", Deadline::after(ms(400)))
}

#[tokio::test(start_paused = true)]
async fn the_first_source_answers_fresh_and_the_others_are_not_asked() {
    let asked = Cell::new(false);
    let answer = chain()
        .source(Source::new("live", ms(40)), seven)
        .await
        .source(Source::new("index", ms(150)), |deadline| {
            asked.set(true);
            seven(deadline)
        })
        .await
        .finish()
        .unwrap();
    assert_eq!((answer.value, answer.source, answer.degraded), (7, "live", false));
    assert!(answer.tried.is_empty() && !asked.get());
}

#[tokio::test(start_paused = true)]
async fn a_later_answer_says_where_it_came_from_and_why() {
    let (journal, start) = (Journal::new(), Instant::now());
    let answer = chain()
        .observed_by(&*journal)
        .source(Source::new("live", ms(40)), hangs)
        .await
        .source(Source::new("index", ms(150)), fails)
        .await
        .source(Source::new("time", ms(150)), seven)
        .await
        .finish()
        .unwrap();
    assert_eq!((answer.source, answer.degraded), ("time", true));
    let reasons = [tried("live", Reason::Timeout), tried("index", Reason::Error)];
    assert_eq!(answer.tried.as_slice(), reasons);
    assert_eq!(start.elapsed(), ms(40), "the budget of the source that hung");
    assert_eq!(journal.take(), ["counts past live timeout", "counts past index error"]);
    assert_eq!(answer.map(|n| n * 2).value, 14);
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_costs_nothing() {
    let (breaker, start, asked) = (breaker(), Instant::now(), Cell::new(false));
    trip(&breaker);
    let answer = chain()
        .source(Source::new("live", ms(40)).behind(&breaker), |deadline| {
            asked.set(true);
            hangs(deadline)
        })
        .await
        .source(Source::new("index", ms(150)), seven)
        .await
        .finish()
        .unwrap();
    assert_eq!(answer.tried.as_slice(), [tried("live", Reason::Open)]);
    assert_eq!((start.elapsed(), asked.get()), (ms(0), false));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_opens_its_breaker_and_then_costs_nothing() {
    let breaker = breaker();
    for waited in [10, 10, 10, 0] {
        let start = Instant::now();
        // A budget below the breaker's patience: used up whole, it counts all the same.
        let live = Source::new("live", ms(10)).behind(&breaker);
        let index = Source::new("index", ms(150));
        let answer = chain().source(live, hangs).await.source(index, seven).await.finish().unwrap();
        assert!(answer.degraded);
        assert_eq!(start.elapsed(), ms(waited));
    }
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_node_is_not_blamed_for_what_was_left_of_the_time() {
    let breaker = breaker();
    for _ in 0..10 {
        let result = FallbackChain::new("counts", Deadline::after(ms(5)))
            .source(Source::new("live", ms(40)).behind(&breaker), hangs)
            .await
            .finish();
        assert!(result.is_err());
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_further_down_is_not_the_nodes_failure() {
    let breaker = breaker();
    for _ in 0..10 {
        let result = chain()
            .source(Source::new("live", ms(40)).behind(&breaker), async |_| Err::<u8, _>(Full))
            .await
            .finish();
        assert!(result.is_err());
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn sources_share_one_deadline_and_learn_their_part_of_it() {
    let start = Instant::now();
    let given = Cell::new(ms(0));
    let result = FallbackChain::<u8>::new("counts", Deadline::after(ms(100)))
        .source(Source::new("live", ms(40)), |deadline| {
            given.set(deadline.remaining());
            hangs(deadline)
        })
        .await
        .source(Source::new("index", ms(150)), hangs)
        .await
        .source(Source::new("time", ms(150)), seven)
        .await
        .finish();
    assert_eq!((given.get(), start.elapsed()), (ms(40), ms(100)));
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "counts ran out of time: live=timeout index=timeout time=timeout"
    );
    assert!(matches!(error, ChainError::OutOfTime { .. }));
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_every_reason_is_told() {
    let breaker = breaker();
    trip(&breaker);
    let error = chain()
        .source(Source::new("live", ms(40)).behind(&breaker), seven)
        .await
        .source(Source::new("index", ms(150)), fails)
        .await
        .finish()
        .unwrap_err();
    assert_eq!(error.to_string(), "no source of counts answered: live=open index=error");
    let ChainError::AllFailed { tried: reasons, .. } = error else { panic!("{error}") };
    assert_eq!(reasons.as_slice(), [tried("live", Reason::Open), tried("index", Reason::Error)]);
}

#[tokio::test(start_paused = true)]
async fn a_partial_answer_is_taken_and_is_never_presented_as_whole() {
    let journal = Journal::new();
    let missing = Missing { unit: "shards", missing: 2, of: 6 };
    let answer = chain()
        .observed_by(&*journal)
        .partial_source(Source::new("live", ms(40)), async |_| {
            Ok::<_, Reason>(Reply::Partial(4, missing))
        })
        .await
        .source(Source::new("index", ms(150)), seven)
        .await
        .finish()
        .unwrap();
    assert_eq!((answer.value, answer.source, answer.degraded), (4, "live", true));
    assert_eq!(answer.missing, Some(missing));
    assert_eq!(journal.take(), ["counts past live partial"]);
}

#[tokio::test(start_paused = true)]
async fn a_whole_reply_of_a_partial_source_is_fresh() {
    let answer = chain()
        .partial_source(Source::new("live", ms(40)), async |_| Ok::<_, Reason>(Reply::Whole(6)))
        .await
        .finish()
        .unwrap();
    assert!(!answer.degraded && answer.missing.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_goes_away_does_not_wedge_the_breaker() {
    let breaker = breaker();
    trip(&breaker);
    sleep(ms(100)).await;
    for _ in 0..10 {
        let read = chain().source(Source::new("live", ms(40)).behind(&breaker), hangs);
        assert!(tokio::time::timeout(ms(5), read).await.is_err());
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    for _ in 0..2 {
        let live = Source::new("live", ms(40)).behind(&breaker);
        assert!(chain().source(live, seven).await.finish().is_ok());
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_source_without_a_budget_is_not_asked_and_its_node_is_not_blamed() {
    let (breaker, asked) = (breaker(), Cell::new(false));
    for _ in 0..10 {
        let answer = chain()
            .source(Source::new("live", ms(0)).behind(&breaker), |deadline| {
                asked.set(true);
                seven(deadline)
            })
            .await
            .source(Source::new("index", ms(150)), seven)
            .await
            .finish()
            .unwrap();
        assert_eq!(answer.tried.as_slice(), [tried("live", Reason::Timeout)]);
    }
    assert_eq!((breaker.state(), asked.get()), (State::Closed, false));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_answers_closes_its_breaker_and_one_that_fails_opens_it() {
    let breaker = breaker();
    for _ in 0..3 {
        let live = Source::new("live", ms(40)).behind(&breaker);
        assert!(chain().source(live, fails).await.finish().is_err());
    }
    assert_eq!(breaker.state(), State::Open);
    sleep(ms(100)).await;
    for _ in 0..2 {
        let live = Source::new("live", ms(40)).behind(&breaker);
        assert!(!chain().source(live, seven).await.finish().unwrap().degraded);
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_found_in_time_is_given_even_if_it_is_finished_late() {
    let found = chain().source(Source::new("live", ms(40)), seven).await;
    sleep(ms(1000)).await;
    assert_eq!(found.finish().unwrap().value, 7);
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_no_sources_fails_and_says_so() {
    let error = chain().finish().unwrap_err();
    assert_eq!(error.to_string(), "no source of counts answered:");
}
