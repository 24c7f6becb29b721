//! Sinks that are not there at the start, and come later.

use std::time::Duration;

use kudos_core::ports::LiveCounts;
use kudos_testkit::Scope;

use crate::support::{Proxy, World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn sinks_that_come_later_are_told_what_they_missed() {
    let (world, scope) = (World::open("outage").await, Scope::new());
    let (redis, kafka) = (Proxy::closed().await, Proxy::closed().await);
    let cut_off = world
        .clone()
        .with("redis.nodes", format!("[{:?}]", redis.address.to_string()))
        .with("kafka.brokers", format!("[{:?}]", kafka.address.to_string()))
        .with("cassandra.window", "1s");
    let (writer, _projector) =
        futures::join!(cut_off.start("reaction-write"), world.start("projector"));
    let write = writer.api();
    let post = scope.post("p");
    write.put_post(&scope.written("p", "title", 0)).await;
    write.react("k", post.as_str(), scope.user("ann").as_str(), Some("like")).await.ok();

    let ready = write.get("/readyz").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    let report = write.get("/readyz?verbose").await.json();
    assert_eq!(report["readiness"], "degraded", "{report}");

    let live = world.redis();
    let held = async || {
        let states = live.states(std::slice::from_ref(&post)).await.ok()?;
        Some(states.into_iter().next()??.counts.total())
    };
    let told = async || (held().await == Some(1)).then_some(());
    eventually("the sweeper tells Redis", Duration::from_secs(20), told).await;
    let index = world.elastic();
    eventually("the index has the like", Duration::from_secs(20), async || {
        let copy = index.copies(std::slice::from_ref(&post)).await.ok()?.remove(0)?;
        (copy.total == 1).then_some(())
    })
    .await;

    let nodes: Vec<String> = serde_json::from_str(world.get("redis.nodes")).unwrap();
    redis.open(&nodes[0]).await;
    eventually("Redis is picked up", Duration::from_secs(20), async || {
        let report = write.get("/readyz?verbose").await.json();
        let checks = report["checks"].as_array()?.clone();
        let redis = checks.into_iter().find(|check| check["name"] == "redis")?;
        (redis["why"].as_str().is_none_or(|why| why.contains("lack posts"))).then_some(())
    })
    .await;
    write.react("k", post.as_str(), scope.user("ben").as_str(), Some("like")).await.ok();
    let told = async || (held().await == Some(2)).then_some(());
    eventually("the writer tells Redis itself", Duration::from_secs(5), told).await;
}
