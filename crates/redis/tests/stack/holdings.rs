//! What is held, whether or not the truth knows it.

use std::collections::BTreeSet;

use kudos_core::PostId;
use kudos_core::ports::{Holdings, LiveCounts};
use kudos_redis::{RedisLive, RedisSettings};
use kudos_testkit::Scope;

use crate::support::{Cluster, cli, complete, patient, start, state};

async fn all(live: &RedisLive) -> BTreeSet<PostId> {
    let (mut found, mut after) = (BTreeSet::new(), None);
    loop {
        let page = live.held(after.as_ref(), 16).await.expect("Redis answers");
        found.extend(page.posts);
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

/// How many keys there are, wherever they are, without the marks of complete orders.
async fn walk_and_forget(settings: RedisSettings, ports: &[u16]) {
    let live =
        complete(patient(RedisSettings { prefix: "eu-1:".into(), ..settings.clone() })).await;
    let other = complete(patient(settings)).await;
    let scope = Scope::new();
    let states: Vec<_> = (0..100).map(|i| state(&scope.post(i), 1 + i % 3)).collect();
    let posts: Vec<_> = states.iter().map(|state| state.post.clone()).collect();
    live.merge(&states).await.expect("Redis takes it");
    other.merge(&states[..10]).await.expect("Redis takes it");

    // One is in the orders alone.
    let [hash, popular, times] = live.keys_of(&posts[7]);
    let deleted = ports.iter().filter(|&&port| cli(port, &["DEL", &hash]).trim() == "1");
    assert_eq!(deleted.count(), 1);
    assert_eq!(all(&live).await, posts.iter().cloned().collect());

    let listed = live.listed(&posts).await.expect("Redis answers");
    let totals: Vec<_> = states.iter().map(|state| Some(state.counts.total())).collect();
    assert_eq!(listed, totals);
    live.hide(&posts[0], true, 2).await.expect("Redis takes it");
    assert_eq!(live.listed(&posts[..1]).await, Ok(vec![None]));

    let (some, rest) = posts.split_at(20);
    live.forget(some).await.expect("Redis takes it");
    assert_eq!(all(&live).await, rest.iter().cloned().collect());
    assert_eq!(live.states(some).await.expect("Redis answers"), vec![None; 20]);
    assert_eq!(live.listed(some).await, Ok(vec![None; 20]));
    live.forget(rest).await.expect("Redis takes it");
    assert_eq!(all(&live).await, BTreeSet::new());
    // Its windows are gone with their last member, and so are the orders but for their mark.
    let keys = ports.iter().flat_map(|&port| {
        let keys = cli(port, &["KEYS", "*eu-1:*"]);
        keys.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    let keys: Vec<_> = keys.filter(|key| !key.is_empty()).collect();
    assert!(keys.iter().all(|key| key.contains("by_") && !key.contains(":h:")), "{keys:?}");
    assert!(keys.contains(&popular) && keys.contains(&times), "{keys:?}");
    assert_eq!(all(&other).await, posts[..10].iter().cloned().collect(), "it is another's");
}

#[tokio::test]
async fn a_walk_names_what_one_server_holds_and_forgetting_leaves_nothing() {
    let server = start(&[]);
    walk_and_forget(server.settings(), &[server.port]).await;
}

#[tokio::test]
async fn a_walk_names_what_a_cluster_holds_and_forgetting_leaves_nothing() {
    let cluster = Cluster::start(0, &[]);
    let ports: Vec<_> = cluster.nodes.iter().map(|node| node.port).collect();
    for shards in [1, 4] {
        walk_and_forget(RedisSettings { shards, ..cluster.settings() }, &ports).await;
        for &port in &ports {
            cli(port, &["FLUSHALL"]);
        }
    }
}

#[tokio::test]
async fn what_is_out_of_reach_is_not_taken_for_missing() {
    let cluster = Cluster::start(0, &[]);
    let live = complete(patient(cluster.settings())).await;
    let scope = Scope::new();
    let states: Vec<_> = (0..30).map(|i| state(&scope.post(i), 1)).collect();
    let posts: Vec<_> = states.iter().map(|state| state.post.clone()).collect();
    live.merge(&states).await.expect("Redis takes it");
    cluster.nodes[0].signal("STOP");
    let listed = live.listed(&posts).await;
    cluster.nodes[0].signal("CONT");
    assert!(listed.is_err(), "{listed:?}");
}
