//! The truth is slow, full or unclear: the client is told in time, and nothing is forgotten.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::PortError;
use kudos_testkit::scope::LIKE;
use kudos_testkit::{Call, Faults};

use crate::world::{World, timed};

const BUDGET: Duration = Duration::from_millis(1_500);

fn busy() -> PortError {
    PortError::Busy { retry_after: Duration::from_secs(7) }
}

#[tokio::test(start_paused = true)]
async fn a_slow_truth_is_answered_in_time_with_503() {
    type Slow = fn(&World) -> (&Faults, Call);
    let slow: [Slow; 2] = [|w| (&w.on_truth, Call::Apply), |w| (&w.on_posts, Call::Meta)];
    for slow in slow {
        let world = World::new().await;
        let (faults, call) = slow(&world);
        faults.on(call).hang();
        let (answer, took) = timed(world.put(&world.reaction("like"), None)).await;
        assert_eq!(answer.problem(), (503, "timeout".into(), String::new()));
        assert_eq!((answer.retry_after(), took), (Some(1), BUDGET));
    }
}

#[tokio::test(start_paused = true)]
async fn each_write_of_posts_has_one_budget_however_many_steps_it_takes() {
    let world = World::new().await;
    world.on_posts.delay(Duration::from_secs(1));
    let (answer, took) = timed(world.store(&world.post(), r#"{"title":"T"}"#)).await;
    assert_eq!((answer.problem().1.as_str(), took), ("timeout", BUDGET));
    world.on_posts.hang();
    let hide = format!("/v1/posts/{}", world.post());
    let (answer, took) = timed(world.delete(&hide, None)).await;
    assert_eq!((answer.problem().1.as_str(), took), ("timeout", BUDGET));
}

#[tokio::test(start_paused = true)]
async fn a_truth_that_cannot_take_a_write_says_when_to_come_back() {
    let cases = [
        (PortError::NoSpace, 507, "no-space", Some(30)),
        (busy(), 503, "unavailable", Some(7)),
        (PortError::Unavailable("gone".into()), 503, "unavailable", Some(1)),
        (PortError::Timeout, 503, "timeout", Some(1)),
        (PortError::Corrupt("odd: secret".into()), 500, "internal", None),
    ];
    for (error, status, slug, retry_after) in cases {
        let world = World::new().await;
        world.on_truth.fail_with(error.clone());
        let (answer, took) = timed(world.put(&world.reaction("like"), None)).await;
        assert_eq!(answer.problem(), (status, slug.into(), String::new()));
        assert_eq!((answer.retry_after(), took), (retry_after, Duration::ZERO));
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
        world.on_posts.fail_with(error);
        let answer = world.store(&world.post(), r#"{"title":"T"}"#).await;
        assert_eq!((answer.problem().0, answer.retry_after()), (status, retry_after));
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_is_lost_is_in_doubt_and_its_retry_counts_once() {
    let world = World::new().await;
    world.on_truth.on(Call::Apply).next(1).lose_answers();
    let lost = world.put(&world.reaction("like"), Some("k")).await;
    assert_eq!(lost.problem().1, "timeout");
    // Committed, told to nobody: without the doubt, no sink would ever hear of it.
    assert_eq!(world.true_state().await.counts.as_slice(), [1]);
    assert_eq!((world.live_state().await, world.journal.doubts()), (None, 1));
    let retried = world.put(&world.reaction("like"), Some("k")).await;
    assert_eq!((retried.status.as_u16(), &retried.json()["changed"]), (200, &true.into()));
    assert_eq!(world.true_state().await.counts.as_slice(), [1]);
    assert_eq!(world.journal.doubts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_in_doubt_when_it_is_too_slow_or_the_caller_goes_away() {
    let world = World::new().await;
    world.on_truth.hang();
    world.service.react(world.op("a", "u", Some(LIKE))).await.unwrap_err();
    assert_eq!(world.journal.doubts(), 1);
    let (service, op) = (Arc::clone(&world.service), world.op("b", "u", Some(LIKE)));
    let write = tokio::spawn(async move { service.react(op).await });
    world.on_truth.called(Call::Apply, 2).await;
    write.abort();
    write.await.unwrap_err();
    assert_eq!(world.journal.doubts(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_certainly_not_applied_is_not_in_doubt() {
    let world = World::new().await;
    world.on_truth.on(Call::Apply).next(1).fail_with(busy());
    world.service.react(world.op("a", "u", Some(LIKE))).await.unwrap_err();
    world.on_posts.on(Call::Meta).next(1).fail_with(PortError::Timeout);
    world.service.react(world.op("a", "u", Some(LIKE))).await.unwrap_err();
    world.service.react(world.op("a", "u", Some(LIKE))).await.unwrap();
    world.service.react(world.op("a", "u", None)).await.unwrap_err();
    assert_eq!(world.journal.doubts(), 0);
}
