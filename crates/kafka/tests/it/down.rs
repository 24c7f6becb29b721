//! Nobody listens where the settings say.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kudos_core::ports::{ChangeFeed, EventLog, LogError, Position};
use kudos_core::{Change, Counts, Kinds, Millis, PortError, PostId, PostState, Version};
use kudos_kafka::{KafkaFault, KafkaFeed, KafkaLog, KafkaSettings, check};

fn settings() -> KafkaSettings {
    KafkaSettings {
        // Reserved, and never open.
        brokers: vec!["127.0.0.1:1".into()],
        request_ms: 200,
        delivery_ms: 300,
        queue_records: 100,
        ..KafkaSettings::default()
    }
}

fn log() -> KafkaLog {
    KafkaLog::new(&settings(), Arc::new(Kinds::default())).unwrap()
}

fn change(version: u64) -> Change {
    let state = PostState {
        post: PostId::new("p").unwrap(),
        created_at: Millis(1),
        version: Version(version),
        counts: Counts::from_iter([version]),
        as_of: Millis(2),
    };
    Change { state, users: Vec::new() }
}

#[tokio::test]
async fn a_change_is_given_up_after_its_time() {
    let (log, begun) = (log(), Instant::now());
    assert_eq!(log.publish(&change(1)).await, Err(PortError::Timeout));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn no_more_is_queued_than_there_is_room_for() {
    // Longer than a busy machine takes to publish them all: given up, they would make room.
    let settings = KafkaSettings { delivery_ms: 2_000, ..settings() };
    let log = KafkaLog::new(&settings, Arc::new(Kinds::default())).unwrap();
    let publish = async |version| log.publish(&change(version)).await;
    let outcomes = futures::future::join_all((0..1_000).map(publish)).await;
    let busy = outcomes.iter().filter(|outcome| matches!(outcome, Err(PortError::Busy { .. })));
    assert_eq!(busy.count(), 900);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 0);
    // The last one is told of before it has left.
    assert!(log.flush(Duration::from_secs(5)).await);
    assert_eq!(log.queued(), 0);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_its_change_in_the_queue() {
    let log = log();
    let published = tokio::time::timeout(Duration::from_millis(1), log.publish(&change(1))).await;
    assert!(published.is_err());
    // What the client has to tell of brokers that it does not reach is in the same queue.
    assert!(log.queued() >= 1);
}

#[tokio::test]
async fn reading_fails_within_its_time() {
    let (log, begun) = (log(), Instant::now());
    let at = Position(vec![0]);
    assert!(matches!(log.read(&at, 10).await, Err(LogError::Port(_))));
    assert!(log.head().await.is_err());
    assert!(log.grown(&at).await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_member_waits_for_its_group_and_can_leave() {
    let feed = KafkaFeed::join(&settings(), Arc::new(Kinds::default())).unwrap();
    let next = tokio::time::timeout(Duration::from_millis(100), feed.next(10)).await;
    assert!(next.is_err());
    let begun = Instant::now();
    feed.leave(Duration::from_secs(5)).await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_check_names_the_brokers_and_the_setting() {
    let fault = check(&settings()).await.unwrap_err();
    assert!(matches!(fault, KafkaFault::Unreachable { .. }), "{fault}");
    assert!(fault.to_string().contains("127.0.0.1:1"), "{fault}");
    assert!(fault.to_string().contains("kafka.brokers"), "{fault}");
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_its_setting() {
    use kudos_kafka::Security;
    let (security, ca_file) = (Security::Ssl, Some("/nowhere/ca.pem".into()));
    let settings = KafkaSettings { security, ca_file, ..settings() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fault = runtime.block_on(check(&settings)).unwrap_err();
    assert!(matches!(fault, KafkaFault::Setting { setting: "kafka.ca_file", .. }), "{fault}");
}
