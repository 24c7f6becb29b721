//! A port misbehaves as told, and only so.

use std::time::Duration;

use kudos_core::ports::{LiveCounts, ReactionStore};
use kudos_core::{ApplyError, Kind, Millis, Operation, PortError, PostId, UserId};
use kudos_testkit::{Call, Faulty, MemoryLive, MemoryTruth};
use tokio::time::{Instant, timeout};

fn like() -> Operation {
    let (post, user) = (PostId::new("p").unwrap(), UserId::new("u").unwrap());
    Operation::keyed("key", post, user, Some(Kind(0)), Millis(1))
}

#[tokio::test]
async fn a_fault_holds_for_its_calls_and_no_others() {
    let live = Faulty::new(MemoryLive::new());
    let faults = live.faults();
    faults.on(Call::Top).next(2).fail_with(PortError::Timeout);
    for expected in [Err(PortError::Timeout), Err(PortError::Timeout), Ok(vec![])] {
        assert_eq!(live.recent(None, None, 1).await, Ok(vec![]));
        assert_eq!(live.top(None, 1).await, expected);
    }
    faults.fail_with(PortError::NoSpace);
    assert_eq!(live.recent(None, None, 1).await, Err(PortError::NoSpace));
    faults.heal();
    assert_eq!(live.recent(None, None, 1).await, Ok(vec![]));
    assert_eq!((faults.calls(Call::Top), faults.calls(Call::Recent)), (3, 5));
}

#[tokio::test]
async fn a_lost_answer_was_applied_and_a_retry_tells() {
    let truth = Faulty::new(MemoryTruth::new());
    truth.faults().on(Call::Apply).next(1).lose_answers();
    let lost = truth.apply(like()).await;
    assert_eq!(lost, Err(ApplyError::Port(PortError::Timeout)));
    assert!(truth.apply(like()).await.unwrap().replayed);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_never_answers_and_can_be_awaited() {
    let truth = std::sync::Arc::new(Faulty::new(MemoryTruth::new()));
    truth.faults().hang();
    let hanging = tokio::spawn({
        let truth = truth.clone();
        async move { timeout(Duration::from_secs(3600), truth.apply(like())).await }
    });
    truth.faults().called(Call::Apply, 1).await;
    assert!(hanging.await.unwrap().is_err());
    truth.faults().heal();
    assert!(!truth.apply(like()).await.unwrap().replayed);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_call_is_done_later() {
    let truth = Faulty::new(MemoryTruth::new());
    truth.faults().delay(Duration::from_millis(80));
    let start = Instant::now();
    truth.apply(like()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(80));
}
