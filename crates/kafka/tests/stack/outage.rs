use std::time::{Duration, Instant};

use kudos_core::PortError;
use kudos_core::ports::{ChangeFeed, EventLog};
use kudos_kafka::{KafkaFeed, KafkaLog, KafkaSettings, migrate_topics};
use kudos_testkit::Scope;

use crate::broker::{change, eventually, kinds, publish};
use crate::private::PrivateBroker;

/// Memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_was_killed_is_used_again_when_it_is_back() {
    let mut broker = PrivateBroker::start().await;
    let settings = KafkaSettings { delivery_ms: 1_000, ..broker.plain() };
    migrate_topics(&settings).await.unwrap();
    let (log, scope) = (KafkaLog::new(&settings, kinds()).unwrap(), Scope::new());
    let feed = KafkaFeed::join(&settings, kinds()).unwrap();
    eventually("topics just made have leaders", async || {
        log.publish(&change(&scope, "first", 1)).await.is_ok()
    })
    .await;
    publish(&log, &scope, 4, 5).await;
    let mut seen = 0;
    while seen < 20 {
        let records = feed.next(100).await.unwrap();
        seen += records.len();
        let last = records.iter().map(|record| (record.partition, record.offset + 1));
        feed.commit(&last.collect::<Vec<_>>()).await.unwrap();
    }

    broker.kill();
    let begun = Instant::now();
    let lost = log.publish(&change(&scope, "0", 6)).await;
    assert!(matches!(lost, Err(PortError::Timeout | PortError::Unavailable(_))), "{lost:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    flood(&log, &scope).await;

    broker.launch();
    let mut version = 100_000;
    eventually("a change is delivered again", async || {
        version += 1;
        log.publish(&change(&scope, "0", version)).await.is_ok()
    })
    .await;
    let post = scope.post("0");
    loop {
        let records = tokio::time::timeout(Duration::from_secs(60), feed.next(100)).await;
        let records = records.expect("the feed goes on by itself").unwrap();
        let changes = records.iter().map(|record| record.change.as_ref().unwrap());
        if changes.into_iter().any(|c| c.state.post == post && c.state.version.0 == version) {
            return;
        }
    }
}

/// Many callers that wait 40 ms each, as a write does.
async fn flood(log: &KafkaLog, scope: &Scope) {
    let before = resident();
    for round in 0..20 {
        let changes: Vec<_> =
            (0..2_000).map(|n| change(scope, "0", 10 + 2_000 * round + n)).collect();
        let published = changes.iter().map(|change| log.publish(change));
        let patience = Duration::from_millis(40);
        let _ = tokio::time::timeout(patience, futures::future::join_all(published)).await;
    }
    let grown = resident().saturating_sub(before);
    assert!(log.queued() <= 20_000, "{} wait", log.queued());
    assert!(grown < 64 * 1024, "{grown} KiB more, for changes that nobody takes");
}
