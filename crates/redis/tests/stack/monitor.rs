//! What the metrics say of servers that are well, dead, behind, full.

use std::time::Duration;

use crate::support::{Cluster, Watched, alone, cli, start, until};

/// A round a second, a vote, and two cores.
const SEEN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_master_is_down_and_its_figures_vanish() {
    let _alone = alone().await;
    let mut cluster = Cluster::start(1, &[]);
    let watched = Watched::start(&cluster.settings());
    let role = |node: &str, role: &str| watched.value("redis_up", node, &[("instance_role", role)]);
    let is_master = |port| cli(port, &["ROLE"]).starts_with("master");
    let addresses: Vec<_> = cluster.nodes.iter().map(|node| node.address()).collect();
    until("all are up", SEEN, async || {
        addresses.iter().all(|node| watched.value("redis_up", node, &[]) == Some(1.0))
    })
    .await;
    let victim = cluster.nodes.iter().position(|node| is_master(node.port)).expect("there are 3");
    let dead = addresses[victim].clone();
    assert_eq!(role(&dead, "master"), Some(1.0));
    assert_eq!(watched.value("redis_cluster_state", &dead, &[]), Some(1.0));
    assert_eq!(watched.value("redis_cluster_slots_ok", &dead, &[]), Some(16_384.0));
    assert_eq!(watched.value("redis_connected_slaves", &dead, &[]), Some(1.0));
    let replica = addresses.iter().find(|node| {
        let (_, port) = dead.rsplit_once(':').expect("it has a port");
        watched.value("redis_master_link_up", node, &[("master_port", port)]) == Some(1.0)
    });
    let replica = replica.expect("every master has one").clone();
    assert_eq!(role(&replica, "slave"), Some(1.0));
    let follows =
        |master: &str| watched.value("redis_cluster_node_follows", &replica, &[("master", master)]);
    // The node that is asked may hear of it a moment later than the two.
    until("it is known whom it follows", SEEN, async || follows(&dead) == Some(1.0)).await;
    let slots = |node: &str| watched.value("redis_cluster_node_slots", node, &[]);
    until("its slots are known", SEEN, async || slots(&dead) > Some(5_000.0)).await;
    let served = slots(&dead);

    cluster.nodes[victim].signal("KILL");
    until("it is down", SEEN, async || role(&dead, "master") == Some(0.0)).await;
    let all = watched.text();
    let of_dead = all.lines().filter(|line| line.contains(&format!("node=\"{dead}\"")));
    let own = of_dead.filter(|line| !line.starts_with("redis_cluster_node_"));
    assert_eq!(own.count(), 1, "what the others say of it may stay: {all}");
    until("its replica is a master", SEEN, async || role(&replica, "master") == Some(1.0)).await;
    assert_eq!(role(&replica, "slave"), None);
    until("its slots are another's", SEEN, async || slots(&replica) == served).await;
    assert_eq!((slots(&dead), follows(&dead)), (Some(0.0), None));
    let failed = || watched.value("redis_cluster_node_failed", &dead, &[]);
    until("the others have agreed on it", SEEN, async || failed() == Some(1.0)).await;

    cluster.nodes[victim].start_again();
    until("it is a replica", SEEN, async || role(&dead, "slave") == Some(1.0)).await;
    assert_eq!(role(&dead, "master"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_of_a_dead_master_without_replica_have_failed() {
    let _alone = alone().await;
    let cluster = Cluster::start(0, &[]);
    // The others are found from one.
    let mut settings = cluster.settings();
    settings.nodes.truncate(1);
    let watched = Watched::start(&settings);
    let survivor = cluster.nodes[0].address();
    let slots =
        |state: &str| watched.value(&format!("redis_cluster_slots_{state}"), &survivor, &[]);
    until("all is well", SEEN, async || slots("ok") == Some(16_384.0)).await;
    assert_eq!((slots("pfail"), slots("fail")), (Some(0.0), Some(0.0)));
    cluster.nodes[1].signal("KILL");
    until("slots have failed", SEEN, async || slots("fail").is_some_and(|n| n > 5_000.0)).await;
    assert_eq!(watched.value("redis_up", &cluster.nodes[1].address(), &[]), Some(0.0));
    assert_eq!(watched.value("redis_up", &cluster.nodes[2].address(), &[]), Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_says_how_full_and_what_it_evicted() {
    let _alone = alone().await;
    let server = start(&[]);
    let node = server.address();
    let watched = Watched::start(&server.settings());
    let figure = |name: &str| watched.value(name, &node, &[]);
    until("it is up", SEEN, async || figure("redis_up") == Some(1.0)).await;
    assert_eq!(figure("redis_memory_max_bytes"), Some(0.0));
    assert_eq!(figure("redis_evicted_keys_total"), Some(0.0));
    assert_eq!(figure("redis_cluster_state"), None);

    cli(server.port, &["CONFIG", "SET", "maxmemory", "6mb"]);
    cli(server.port, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    for key in 0..40 {
        let put = "redis.call('SET', KEYS[1], string.rep('x', 300000))";
        cli(server.port, &["EVAL", put, "1", &format!("k{key}")]);
    }
    let changes = || figure("redis_rdb_changes_since_last_save");
    until("all is seen", SEEN, async || changes() >= Some(40.0)).await;
    assert!(figure("redis_evicted_keys_total") > Some(0.0));
    assert_eq!(figure("redis_memory_max_bytes"), Some(6.0 * 1024.0 * 1024.0));
    let used = figure("redis_memory_used_bytes").expect("it is up");
    assert!((3e6..7e6).contains(&used), "{used}");
    for name in [
        "redis_mem_fragmentation_ratio",
        "redis_connected_clients",
        "redis_instantaneous_ops_per_sec",
        "redis_commands_processed_total",
        "redis_rdb_last_save_timestamp_seconds",
    ] {
        assert!(figure(name).is_some(), "{name}");
    }
    let saved = figure("redis_rdb_last_save_timestamp_seconds");
    cli(server.port, &["SAVE"]);
    until("it is saved", SEEN, async || changes() == Some(0.0)).await;
    assert!(figure("redis_rdb_last_save_timestamp_seconds") >= saved);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stands_still_lags() {
    let _alone = alone().await;
    let master = start(&[]);
    let replica = start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
    let watched = Watched::start(&master.settings());
    let port = replica.port.to_string();
    let labels = [("slave_port", port.as_str()), ("slave_state", "online")];
    let lag = || watched.value("redis_connected_slave_lag_seconds", &master.address(), &labels);
    until("it follows", SEEN, async || lag().is_some_and(|lag| lag <= 1.0)).await;
    replica.signal("STOP");
    until("it lags", SEEN, async || lag().is_some_and(|lag| lag > 5.0)).await;
    replica.signal("CONT");
    until("it follows again", SEEN, async || lag().is_some_and(|lag| lag <= 1.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_down_and_comes_back() {
    let _alone = alone().await;
    let server = start(&[]);
    let node = server.address();
    let watched = Watched::start(&server.settings());
    let up = || watched.value("redis_up", &node, &[("instance_role", "master")]);
    until("it is up", SEEN, async || up() == Some(1.0)).await;
    server.signal("STOP");
    until("it is down", SEEN, async || up() == Some(0.0)).await;
    assert_eq!(watched.value("redis_memory_used_bytes", &node, &[]), None);
    server.signal("CONT");
    until("it is up again", SEEN, async || up() == Some(1.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_monitor_nothing_is_shown() {
    let _alone = alone().await;
    let server = start(&[]);
    let node = server.address();
    let watched = Watched::start(&server.settings());
    until("it is up", SEEN, async || watched.value("redis_up", &node, &[]) == Some(1.0)).await;
    drop(watched);
    until("it is forgotten", SEEN, async || !Watched::all().contains(&node)).await;
}
