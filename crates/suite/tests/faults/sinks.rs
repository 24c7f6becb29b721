//! Engines that readers and writers can do without die or hang, one by one or together.

use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::{StreamExt, stream};
use kudos_core::ports::EventLog;
use kudos_testkit::checker::Workload;
use tokio::time::sleep;

use crate::bulk::Refusing;
use crate::nodes::{Broken, Up, address_of, all_of};
use crate::report::Row;
use crate::rig::{self, MINUTE, Rig};

/// Parts that are killed together, are down for so long, and come back.
async fn outage(mut row: Row, parts: &[&str], up: Up, span: Duration, limit: Duration) {
    let (rig, nodes) = (Rig::open().await, parts.iter().flat_map(|part| all_of(part)).collect());
    rig.during(&mut row, limit, async {
        sleep(Duration::from_secs(5)).await;
        let broken = Broken::by("KILL", nodes, up).await;
        sleep(span).await;
        broken.mend().await;
    })
    .await;
    rig.went_on(row);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_10_all_of_redis_is_down_for_a_minute() {
    let row = Row::new(10, "all of Redis down 60 s");
    outage(row, &["redis"], &["up", "redis"], MINUTE, MINUTE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_18_kafka_is_down() {
    let mut row = Row::new(18, "Kafka down 300 s");
    let rig = Rig::open().await;
    let (before, after) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    rig.during(&mut row, 2 * MINUTE, async {
        sleep(Duration::from_secs(5)).await;
        *before.lock().unwrap() = rig.held().await;
        let broken = Broken::by("KILL", all_of("kafka"), &["up", "kafka"]).await;
        sleep(5 * MINUTE).await;
        *after.lock().unwrap() = rig.held().await;
        broken.mend().await;
    })
    .await;
    let (before, after) = (before.into_inner().unwrap(), after.into_inner().unwrap());
    let grown =
        after.iter().zip(&before).map(|(after, before)| after.memory.saturating_sub(before.memory));
    let most = grown.max().unwrap_or(0) >> 20;
    row.must("memory of each service grows ≤ 64 MiB", format!("{most} MiB"), most <= 64);
    rig.went_on(row);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_19_the_topic_is_delivered_three_times_over_shuffled() {
    let rig = Rig::open().await;
    let mut row = Row::new(19, "the topic delivered three times over, shuffled");
    let mut delivered = 0;
    rig.during(&mut row, MINUTE, async {
        sleep(Duration::from_secs(20)).await;
        let log = rig.world.kafka();
        let mut changes = Vec::new();
        let (mut at, head) = (log.beginning().await.unwrap(), log.head().await.unwrap());
        // It grows meanwhile.
        while at.0.iter().zip(&head.0).any(|(at, head)| at < head) {
            let page = log.read(&at, 1_000).await.unwrap();
            changes.extend(page.changes);
            at = page.next;
        }
        changes.retain(|change| change.state.post.as_str().starts_with(&rig.workload.prefix));
        let mut thrice: Vec<_> = changes.iter().cycle().take(3 * changes.len()).collect();
        fastrand::shuffle(&mut thrice);
        delivered = thrice.len();
        stream::iter(thrice)
            .for_each_concurrent(256, async |change| log.publish(change).await.unwrap())
            .await;
    })
    .await;
    row.must("delivered again", delivered, delivered > 0);
    rig.went_on(row);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_21_elasticsearch_hangs_and_then_is_down() {
    let mut row = Row::new(21, "Elasticsearch stopped 15 s, then down 15 s");
    let (rig, nodes) = (Rig::open().await, all_of("elasticsearch"));
    rig.during(&mut row, 2 * MINUTE, async {
        sleep(Duration::from_secs(5)).await;
        let stopped = Broken::by("STOP", nodes.clone(), &["up", "elasticsearch"]).await;
        sleep(Duration::from_secs(15)).await;
        let killed = Broken::by("KILL", nodes, &["up", "elasticsearch"]).await;
        sleep(Duration::from_secs(15)).await;
        killed.mend().await;
        stopped.mend().await;
    })
    .await;
    rig.went_on(row);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_22_items_of_bulk_requests_are_refused() {
    let mut row = Row::new(22, "30 % of bulk items answered by 429, not done, or 409, done");
    let refusing = Refusing::before(&format!("http://{}", address_of("elasticsearch-1"))).await;
    let world = rig::world().await.with("elastic.urls", format!("[{:?}]", refusing.url));
    let rig = Rig::of(world, Default::default(), Workload::default()).await;
    rig.during(&mut row, MINUTE, async {}).await;
    for (status, refused) in [(429, &refusing.busy), (409, &refusing.held)] {
        let refused = refused.load(Ordering::Relaxed);
        row.must(&format!("some answered by {status}"), refused, refused > 0);
    }
    rig.went_on(row);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_23_redis_elasticsearch_and_kafka_are_down() {
    let row = Row::new(23, "Redis, Elasticsearch and Kafka down 30 s");
    let parts = ["redis", "elasticsearch", "kafka"];
    let up = &["up", "redis", "elasticsearch", "kafka"];
    outage(row, &parts, up, Duration::from_secs(30), 2 * MINUTE).await;
}
