//! Law 3: only the truth may fail a write. Whatever the sinks do, it costs no more than their
//! budget, and what each of them missed is in the journal once.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::PortError;
use kudos_core::ports::{EventLog, Position};
use kudos_testkit::scope::{LIKE, LOVE};
use kudos_testkit::{Call, Faults};

use crate::world::{World, timed};

const BUDGET: Duration = Duration::from_millis(40);
const NO_TIME: Duration = Duration::ZERO;

/// How a sink misbehaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    Unavailable,
    Full,
    NoSpace,
    Corrupt,
    Hangs,
    Slow,
    LosesAnswers,
}

impl Fault {
    const ALL: [Self; 8] = [
        Self::None,
        Self::Unavailable,
        Self::Full,
        Self::NoSpace,
        Self::Corrupt,
        Self::Hangs,
        Self::Slow,
        Self::LosesAnswers,
    ];

    fn set(self, faults: &Faults) {
        let retry_after = Duration::from_secs(1);
        match self {
            Self::None => {}
            Self::Unavailable => faults.fail_with(PortError::Unavailable("gone".into())),
            Self::Full => faults.fail_with(PortError::Busy { retry_after }),
            Self::NoSpace => faults.fail_with(PortError::NoSpace),
            Self::Corrupt => faults.fail_with(PortError::Corrupt("odd".into())),
            Self::Hangs => faults.hang(),
            Self::Slow => faults.delay(Duration::from_secs(60)),
            Self::LosesAnswers => faults.lose_answers(),
        }
    }

    fn misses(self) -> bool {
        self != Self::None
    }

    fn cost(self) -> Duration {
        match self {
            Self::Hangs | Self::Slow => BUDGET,
            _ => NO_TIME,
        }
    }

    fn applies(self) -> bool {
        matches!(self, Self::None | Self::LosesAnswers)
    }
}

async fn logged(world: &World) -> usize {
    world.log.read(&Position(vec![0]), 100).await.unwrap().changes.len()
}

#[tokio::test(start_paused = true)]
async fn no_fault_of_sinks_fails_a_write_or_costs_more_than_one_budget() {
    for live in Fault::ALL {
        for log in Fault::ALL {
            let world = World::new().await;
            live.set(&world.on_live);
            log.set(&world.on_log);
            let (applied, took) = timed(world.service.react(world.op("k", "u", Some(LIKE)))).await;
            let case = format!("live {live:?}, log {log:?}");
            assert!(applied.unwrap().outcome.changed, "{case}");
            assert_eq!(took, live.cost().max(log.cost()), "{case}");
            let mut missed = vec![("live", live), ("log", log)];
            missed.retain(|(_, fault)| fault.misses());
            let missed: Vec<_> = missed.into_iter().map(|(sink, _)| sink).collect();
            assert_eq!(world.journal.of(&world.post()), missed, "{case}");
            assert_eq!(world.journal.doubts(), 0, "{case}");
            assert_eq!(world.live_state().await.is_some(), live.applies(), "{case}");
            assert_eq!(logged(&world).await, usize::from(log.applies()), "{case}");
            assert_eq!(world.true_state().await.counts.as_slice(), [1], "{case}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_for_hanging_sinks_no_longer_than_their_budget() {
    let world = World::new().await;
    world.on_live.hang();
    world.on_log.hang();
    let (answer, took) = timed(world.put(&world.reaction("like"), None)).await;
    assert_eq!((answer.status.as_u16(), took), (200, BUDGET));
    let body = answer.json();
    assert_eq!((&body["source"], &body["degraded"]), (&"truth".into(), &false.into()));
    assert_eq!((&body["counts"]["like"], &body["mine"]), (&1.into(), &"like".into()));
}

#[tokio::test(start_paused = true)]
async fn sinks_are_told_at_the_same_time() {
    let world = World::new().await;
    let almost = Duration::from_millis(39);
    world.on_live.delay(almost);
    world.on_log.delay(almost);
    let (applied, took) = timed(world.service.react(world.op("k", "u", Some(LIKE)))).await;
    applied.unwrap();
    assert_eq!(took, almost);
    assert_eq!(world.journal.of(&world.post()), [""; 0]);
    assert_eq!(
        (world.live_state().await, logged(&world).await),
        (Some(world.true_state().await), 1)
    );
}

#[tokio::test(start_paused = true)]
async fn what_sinks_miss_is_on_record_when_the_caller_goes_away_meanwhile() {
    let world = World::new().await;
    world.on_live.hang();
    world.on_log.hang();
    let (service, op) = (Arc::clone(&world.service), world.op("k", "u", Some(LIKE)));
    let write = tokio::spawn(async move { service.react(op).await });
    world.on_live.called(Call::Merge, 1).await;
    world.on_log.called(Call::Publish, 1).await;
    write.abort();
    assert!(write.await.unwrap_err().is_cancelled());
    assert_eq!(world.journal.of(&world.post()), ["live", "log"]);
    assert_eq!(world.true_state().await.counts.as_slice(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_confirmed_is_not_on_record_when_the_caller_goes_away_later() {
    let world = World::new().await;
    world.on_log.hang();
    let (service, op) = (Arc::clone(&world.service), world.op("k", "u", Some(LIKE)));
    let write = tokio::spawn(async move { service.react(op).await });
    world.on_log.called(Call::Publish, 1).await;
    write.abort();
    write.await.unwrap_err();
    assert_eq!(world.journal.of(&world.post()), ["log"]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_gets_each_state_whole_in_the_order_of_commits() {
    let world = World::new().await;
    for (key, want) in [("a", Some(LIKE)), ("b", Some(LOVE)), ("c", None)] {
        world.service.react(world.op(key, "u", want)).await.unwrap();
        assert_eq!(world.live_state().await, Some(world.true_state().await));
    }
    let page = world.log.read(&Position(vec![0]), 100).await.unwrap();
    let types = page.changes.iter().map(|change| change.users[0].event_type());
    let expected = ["reaction.added", "reaction.changed", "reaction.removed"];
    assert_eq!(types.collect::<Vec<_>>(), expected);
    let versions: Vec<_> = page.changes.iter().map(|change| change.state.version.0).collect();
    assert_eq!(versions, [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_replay_and_a_write_that_changes_nothing_tell_no_sink() {
    let world = World::new().await;
    let (first, again) = (world.op("k", "u", Some(LIKE)), world.op("k", "u", Some(LIKE)));
    let original = world.service.react(first).await.unwrap();
    world.on_live.hang();
    world.on_log.hang();
    let (replayed, took) = timed(world.service.react(again)).await;
    let replayed = replayed.unwrap();
    assert!(replayed.replayed);
    assert_eq!((replayed.outcome, took), (original.outcome, NO_TIME));
    let (unchanged, took) = timed(world.service.react(world.op("k2", "u", Some(LIKE)))).await;
    assert_eq!((unchanged.unwrap().outcome.changed, took), (false, NO_TIME));
    let told = (world.on_live.calls(Call::Merge), world.on_log.calls(Call::Publish));
    assert_eq!((told, world.journal.of(&world.post())), ((1, 1), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_the_truth_refuses_tells_no_sink() {
    let world = World::new().await;
    world.on_truth.fail_with(PortError::NoSpace);
    world.service.react(world.op("k", "u", Some(LIKE))).await.unwrap_err();
    let told = (world.on_live.calls(Call::Merge), world.on_log.calls(Call::Publish));
    assert_eq!(told, (0, 0));
}
