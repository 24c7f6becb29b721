//! What nodes answer when they are not well, or are not the right ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use kudos_core::PortError;
use kudos_core::ports::LiveCounts;
use kudos_redis::{CheckError, Mode, ReadReplicas, RedisLive, RedisSettings, slot_of};
use kudos_testkit::Scope;

use crate::support::{Cluster, alone, cli, complete, open, start, state, until};

#[tokio::test]
async fn a_full_server_refuses_writes_and_answers_reads() {
    let server = start(&[]);
    let live = complete(server.settings()).await;
    let post = Scope::new().post("p");
    for loaded in [false, true] {
        if loaded {
            live.migrate().await.expect("the library can be loaded");
        }
        live.merge(&[state(&post, 1)]).await.expect("Redis takes it");
        cli(server.port, &["CONFIG", "SET", "maxmemory", "1"]);
        assert_eq!(live.merge(&[state(&post, 2)]).await, Err(PortError::NoSpace));
        assert_eq!(live.states(std::slice::from_ref(&post)).await, Ok(vec![Some(state(&post, 1))]));
        assert_eq!(live.top(None, 5).await.expect("the ranks answer").len(), 1);
        cli(server.port, &["CONFIG", "SET", "maxmemory", "0"]);
    }
    live.merge(&[state(&post, 2)]).await.expect("there is room again");
}

#[tokio::test]
async fn a_replica_taken_for_a_server_and_one_without_replicas_refuse_at_once() {
    let (master, replica) = (start(&[]), start(&[]));
    let post = Scope::new().post("p");
    cli(replica.port, &["REPLICAOF", "127.0.0.1", &master.port.to_string()]);
    let live = open(replica.settings());
    let refused =
        async |live: &dyn LiveCounts, why: &str| match live.merge(&[state(&post, 1)]).await {
            Err(PortError::Unavailable(text)) => assert!(text.contains(why), "{text}"),
            other => panic!("{other:?}"),
        };
    live.migrate().await.expect_err("a replica takes no library");
    refused(&live, "READONLY").await;
    cli(master.port, &["CONFIG", "SET", "min-replicas-to-write", "3"]);
    refused(&open(master.settings()), "NOREPLICAS").await;
}

#[tokio::test]
async fn a_key_of_another_kind_is_one_post_that_is_not_held() {
    let server = start(&[]);
    let live = complete(server.settings()).await;
    let scope = Scope::new();
    let [good, bad] = ["good", "bad"].map(|name| scope.post(name));
    cli(server.port, &["SET", &format!("post:{bad}:reactions"), "x"]);
    let merged = live.merge(&[state(&good, 1), state(&bad, 1)]).await;
    assert!(matches!(merged, Err(PortError::Corrupt(_))), "{merged:?}");
    let states = live.states(&[bad, good.clone()]).await;
    assert_eq!(states, Ok(vec![None, Some(state(&good, 1))]));
}

/// While slots are on their way (ASK, TRYAGAIN) and when they have arrived (MOVED).
#[tokio::test(flavor = "multi_thread")]
async fn slots_that_move_while_posts_are_liked_disturb_nobody() {
    let _alone = alone().await;
    let cluster = Cluster::start(0, &[]);
    let live = Arc::new(complete(cluster.settings()).await);
    live.migrate().await.expect("the library can be loaded");
    let scope = Scope::new();
    let posts: Vec<_> = (0..40).map(|i| scope.post(i)).collect();
    let done = Arc::new(AtomicBool::new(false));
    let liking = tokio::spawn({
        let (live, posts, done) = (Arc::clone(&live), posts.clone(), Arc::clone(&done));
        async move {
            let mut version = 0;
            while !done.load(SeqCst) {
                version += 1;
                let states: Vec<_> = posts.iter().map(|post| state(post, version)).collect();
                live.merge(&states).await.expect("no like fails");
                let top = live.top(None, 100).await.expect("no read fails");
                assert_eq!(top.len(), posts.len());
                assert_eq!(live.recent(None, None, 100).await.expect("no read fails").len(), 40);
            }
            version
        }
    });
    let keys = ["posts:by_reactions".to_owned(), "posts:by_time".to_owned()];
    let hashes = posts.iter().map(|post| format!("post:{post}:reactions"));
    for key in keys.into_iter().chain(hashes) {
        let slot = slot_of(&key);
        let from =
            live.topology().expect("it is known").shard_of(slot).expect("served").master.clone();
        let to = cluster.nodes.iter().find(|node| node.address() != from).expect("there are three");
        tokio::task::block_in_place(|| move_slot(&cluster, slot, &from, to.port));
    }
    done.store(true, SeqCst);
    let version = liking.await.expect("no like fails");
    let newest: Vec<_> = posts.iter().map(|post| Some(state(post, version))).collect();
    assert_eq!(live.states(&posts).await, Ok(newest));
}

fn move_slot(cluster: &Cluster, slot: u16, from: &str, to: u16) {
    let slot = slot.to_string();
    let from = cluster.node(from).port;
    let [from_id, to_id] = [from, to].map(|port| cli(port, &["CLUSTER", "MYID"]));
    cli(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
    cli(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    loop {
        let keys = cli(from, &["CLUSTER", "GETKEYSINSLOT", &slot, "3"]);
        if keys.is_empty() {
            break;
        }
        let to = to.to_string();
        let mut words = vec!["MIGRATE", "127.0.0.1", &to, "", "0", "2000", "REPLACE", "KEYS"];
        words.extend(keys.lines());
        cli(from, &words);
    }
    for port in [to, from] {
        cli(port, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
    }
}

#[tokio::test]
async fn a_wrong_setting_is_named_with_what_to_do() {
    let (server, cluster) = (start(&["--requirepass", "right"]), Cluster::start(0, &[]));
    let check = async |settings: RedisSettings| open(settings).check().await.unwrap_err();
    let password = |text: &str| kudos_runtime::config::Secret::new(text);

    for wrong in ["", "wrong"] {
        let settings = RedisSettings { password: password(wrong), ..server.settings() };
        let error = check(settings).await;
        assert!(matches!(error, CheckError::Login { .. }), "{error}");
        assert!(
            !error.to_string().contains("wrong") && error.to_string().contains("redis.password")
        );
    }
    let right = RedisSettings { password: password("right"), ..server.settings() };
    let error = check(RedisSettings { mode: Mode::Cluster, ..right.clone() }).await;
    assert_eq!(error, CheckError::NotACluster(server.address()));
    let node = cluster.nodes[0].address();
    let single =
        RedisSettings { nodes: vec![node.clone()], mode: Mode::Single, ..cluster.settings() };
    assert_eq!(check(single).await, CheckError::IsACluster(node));
    let nobody = RedisSettings { nodes: vec!["127.0.0.1:1".into()], ..server.settings() };
    let error = check(nobody).await;
    assert!(matches!(error, CheckError::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("redis.nodes"), "{error}");
    cli(server.port, &["-a", "right", "CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let error = check(right).await;
    assert!(matches!(error, CheckError::Evicts { .. }), "{error}");
}

#[tokio::test]
async fn it_starts_without_redis_and_picks_it_up_when_it_comes() {
    let mut server = start(&[]);
    server.signal("KILL");
    let live = open(RedisSettings { response_ms: 100, connect_ms: 150, ..server.settings() });
    let post = Scope::new().post("p");
    let merged = live.merge(&[state(&post, 1)]).await;
    assert!(matches!(merged, Err(PortError::Unavailable(_))), "{merged:?}");
    server.start_again();
    let merge = async || live.merge(&[state(&post, 1)]).await.is_ok();
    until("Redis is picked up", Duration::from_secs(8), merge).await;
}

#[tokio::test]
async fn a_cluster_that_comes_later_is_found() {
    let mut cluster = Cluster::start(0, &["--appendonly", "yes"]);
    cluster.nodes.iter().for_each(|node| node.signal("KILL"));
    let live = open(RedisSettings { response_ms: 100, connect_ms: 150, ..cluster.settings() });
    let post = Scope::new().post("p");
    let merged = live.merge(&[state(&post, 1)]).await;
    assert!(matches!(merged, Err(PortError::Unavailable(_))), "{merged:?}");
    assert!(live.states(std::slice::from_ref(&post)).await.is_err());
    cluster.nodes.iter_mut().for_each(crate::support::Server::start_again);
    let merge = async || live.merge(&[state(&post, 1)]).await.is_ok();
    until("the cluster is picked up", Duration::from_secs(15), merge).await;
}

#[tokio::test]
async fn a_replica_answers_for_its_master_where_that_is_allowed() {
    let cluster = Cluster::start(1, &["--cluster-replica-no-failover", "yes"]);
    let settings = RedisSettings { response_ms: 200, connect_ms: 200, ..cluster.settings() };
    let live = complete(settings.clone()).await;
    live.migrate().await.expect("the library can be loaded");
    let post = Scope::new().post("p");
    live.merge(&[state(&post, 1)]).await.expect("Redis takes it");
    let topology = live.topology().expect("it is known");
    let slot = slot_of(&format!("post:{post}:reactions"));
    let master = cluster.node(&topology.shard_of(slot).expect("served").master);
    let allowing = |read_replicas| open(RedisSettings { read_replicas, ..settings.clone() });
    let (fallback, prefer) = (allowing(ReadReplicas::Fallback), allowing(ReadReplicas::Prefer));
    let held = Ok(vec![Some(state(&post, 1))]);
    // Nodes tell each other of replicas within moments, and replicas follow within others.
    let knows_replicas = |live: &RedisLive| {
        let known = live.topology();
        known.is_some_and(|known| known.shards().iter().all(|shard| shard.replicas.len() == 1))
    };
    until("replicas are known", Duration::from_secs(10), async || {
        knows_replicas(&fallback) && knows_replicas(&prefer)
    })
    .await;
    until("the replica has it", Duration::from_secs(5), async || {
        prefer.states(std::slice::from_ref(&post)).await == held
    })
    .await;
    master.signal("STOP");
    assert!(live.states(std::slice::from_ref(&post)).await.is_err());
    assert_eq!(fallback.states(std::slice::from_ref(&post)).await, held);
    assert_eq!(prefer.states(std::slice::from_ref(&post)).await, held);
    let merged = fallback.merge(&[state(&post, 2)]).await;
    assert!(merged.is_err(), "{merged:?}");
    master.signal("CONT");
}
