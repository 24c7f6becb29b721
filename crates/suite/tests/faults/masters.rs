//! Masters of Redis die, hang, and lose what they held.

use std::time::Duration;

use kudos_core::ports::LiveCounts;
use tokio::time::{Instant, sleep};

use crate::nodes::{self, Broken};
use crate::report::Row;
use crate::rig::{MINUTE, Rig};
use crate::support::eventually;

const REDIS: &[&str] = &["up", "redis"];

/// A master that has no order, as far as there are several.
async fn victim(rig: &Rig) -> String {
    let live = rig.world.redis();
    let topology = live.discover().await.expect("Redis answers");
    let [_, popular, times] = live.keys_of(&rig.workload.post(0));
    let master = |key: &str| topology.shard_of(kudos_redis::slot_of(key)).unwrap().master.clone();
    let orders = [master(&popular), master(&times)];
    let masters: Vec<_> = topology.shards().iter().map(|shard| shard.master.clone()).collect();
    masters.iter().find(|node| !orders.contains(node)).unwrap_or(&masters[0]).clone()
}

/// How long it takes until Redis takes the state of every post again. Reads come back sooner, from
/// replicas.
async fn back(rig: &Rig, since: Instant) -> Duration {
    let live = rig.world.redis();
    let posts: Vec<_> = (0..rig.workload.posts).map(|i| rig.workload.post(i)).collect();
    eventually("Redis takes every post", MINUTE, async || {
        let states: Vec<_> = live.states(&posts).await.ok()?.into_iter().flatten().collect();
        live.merge(&states).await.ok().map(|()| since.elapsed())
    })
    .await
}

async fn one_master(number: u8, fault: &'static str, signal: &'static str, limit: Duration) {
    let (rig, mut row) = (Rig::open().await, Row::new(number, fault));
    let victim = nodes::at(&victim(&rig).await);
    let away = std::sync::Mutex::new(Duration::ZERO);
    rig.during(&mut row, MINUTE, async {
        sleep(Duration::from_secs(5)).await;
        let (broken, since) = (Broken::by(signal, vec![victim], REDIS).await, Instant::now());
        *away.lock().unwrap() = back(&rig, since).await;
        sleep(Duration::from_secs(10)).await;
        broken.mend().await;
    })
    .await;
    row.within("its slots answer again", limit, away.into_inner().unwrap());
    row.share("writes", 1.0, rig.writes.share());
    rig.reads_in_time(&mut row);
    row.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn row_05_one_master_is_killed() {
    one_master(5, "one Redis master killed", "KILL", Duration::from_secs(8)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_06_one_master_is_stopped() {
    one_master(6, "one Redis master stopped", "STOP", Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_11_a_master_is_flushed() {
    let (rig, mut row) = (Rig::open().await, Row::new(11, "FLUSHALL on one master"));
    let address = victim(&rig).await;
    let noticed = std::sync::Mutex::new(Duration::ZERO);
    let said = "has lost what it held";
    rig.during(&mut row, MINUTE, async {
        sleep(Duration::from_secs(10)).await;
        let client = redis::Client::open(format!("redis://{address}")).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let before = rig.projectors_said(said).await;
        let told = redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await;
        let since = Instant::now();
        told.expect("Redis answers");
        eventually("the loss is noticed", MINUTE, async || {
            (rig.projectors_said(said).await > before).then_some(())
        })
        .await;
        *noticed.lock().unwrap() = since.elapsed();
    })
    .await;
    row.within("noticed", Duration::from_secs(5), noticed.into_inner().unwrap());
    rig.reads_in_time(&mut row);
    row.end();
}
