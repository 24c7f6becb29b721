//! How the services start, and what they say if they do not.

use std::time::Duration;

use kudos_testkit::Scope;

use crate::support::{Proxy, World, eventually, run};

const NOBODY: &str = r#"["127.0.0.1:1"]"#;

#[tokio::test]
async fn a_wrong_setting_is_named_with_what_to_do() {
    let world = World::open("laws").await;
    let other_mode = if world.get("redis.mode") == "single" { "cluster" } else { "single" };
    let first_node = world.get("redis.nodes").split(',').next().unwrap().trim_end_matches(']');
    let one_node = format!("{first_node}]");
    let wrong = [
        ("reaction-write", "cassandra.contact_points", NOBODY, "start Cassandra"),
        ("reaction-write", "cassandra.keyspace", "nowhere", "kudosctl migrate"),
        ("reaction-write", "cassandra.buckets", "3", "cassandra.buckets"),
        ("reaction-write", "kinds", r#"["up","down"]"#, "kinds"),
        ("reaction-write", "kafka.topic", "nowhere", "kudosctl migrate"),
        ("reaction-write", "redis.mode", other_mode, "redis.mode"),
        ("reaction-write", "redis.password", "wrong", "redis.password"),
        ("search", "cassandra.keyspace", "nowhere", "kudosctl migrate"),
        ("search", "elastic.index", "nowhere", "kudosctl migrate"),
        ("projector", "elastic.index", "nowhere", "elastic.index"),
        ("projector", "kafka.dead_topic", "nowhere", "kafka.dead_topic"),
    ];
    for (program, key, value, said) in wrong {
        let mut world = world.clone().with(key, value);
        if key == "redis.mode" {
            world = world.with("redis.nodes", &one_node);
        }
        let stderr = world.refused(program).await;
        assert!(stderr.contains(said) && stderr.contains("error: "), "{program} {key}: {stderr}");
    }
}

#[tokio::test]
async fn an_unknown_setting_is_refused_with_the_nearest_one() {
    let world = World::open("laws").await.with("kafka.topik", "x");
    for program in ["reaction-write", "search", "projector", "kudosctl"] {
        let stderr = world.refused(program).await;
        assert!(stderr.contains("kafka.topic"), "{program}: {stderr}");
    }
}

#[tokio::test]
async fn search_starts_with_everything_down_and_picks_up_what_comes() {
    let (world, scope) = (World::open("laws").await, Scope::new());
    let writer = world.start("reaction-write").await;
    writer.api().put_post(&scope.written("p", "title", 0)).await;
    let post = scope.post("p");
    writer.api().react("k", post.as_str(), scope.user("ann").as_str(), Some("like")).await.ok();

    let cassandra = Proxy::closed().await;
    let alone = world
        .clone()
        .with("cassandra.contact_points", format!("[{:?}]", cassandra.address.to_string()))
        .with("redis.mode", "single")
        .with("redis.nodes", NOBODY)
        .with("kafka.brokers", NOBODY)
        .with("elastic.urls", r#"["http://127.0.0.1:1"]"#);
    let search = alone.start("search").await;
    let api = search.api();
    assert_eq!(api.get("/livez").await.status, 200);
    assert_eq!(api.get("/readyz").await.status, 200);
    let report = api.get("/readyz?verbose").await.json();
    let names: Vec<_> = report["checks"].as_array().unwrap().iter().collect();
    assert!(names.iter().all(|check| check["status"] == "degraded"), "{report}");
    assert_eq!(names.len(), 4);
    let nothing = api.get(&format!("/v1/posts/{post}/reactions")).await;
    assert_eq!(nothing.status, 503, "{nothing:?}");

    let nodes: Vec<String> = serde_json::from_str(world.get("cassandra.contact_points")).unwrap();
    cassandra.open(&nodes[0]).await;
    eventually("the truth answers", Duration::from_secs(20), async || {
        let answer = api.get(&format!("/v1/posts/{post}/reactions")).await;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    let counts = api.counts(post.as_str(), "nobody").await;
    assert_eq!((&counts["total"], &counts["source"]), (&1.into(), &"truth".into()), "{counts}");
    assert_eq!(counts["degraded"], true, "{counts}");
}

#[tokio::test]
async fn every_service_stops_in_good_order() {
    let world = World::open("laws").await;
    for program in ["reaction-write", "search", "projector"] {
        let service = world.start(program).await;
        assert!(service.stop().await.success(), "{program}");
    }
}

#[tokio::test]
async fn migrations_done_twice_change_nothing() {
    let world = World::open("laws").await;
    for words in [&["migrate"][..], &["migrate", "--dry-run"]] {
        let again = run("kudosctl", words, &world.flags("kudosctl")).await;
        assert!(again.status.success(), "{}", again.stderr);
        let lines: Vec<_> = again.stdout.lines().collect();
        assert!(lines.iter().all(|line| line.ends_with("unchanged")), "{}", again.stdout);
    }
}

#[tokio::test]
async fn a_migration_of_what_is_not_there_says_what_it_would_do() {
    let world = World::open("laws").await;
    let new = world
        .with("cassandra.keyspace", "e2e_never")
        .with("kafka.topic", "e2e-never")
        .with("elastic.index", "e2e-never");
    for _ in 0..2 {
        let told = run("kudosctl", &["migrate", "--dry-run"], &new.flags("kudosctl")).await;
        assert!(told.status.success(), "{}", told.stderr);
        for line in ["keyspace e2e_never: would", "topic e2e-never: would", "e2e-never: would"] {
            assert!(told.stdout.contains(line), "{}", told.stdout);
        }
    }
}

#[tokio::test]
async fn the_effective_settings_hide_secrets() {
    let world = World::open("laws").await.with("redis.password", "hush-hush");
    for program in ["reaction-write", "search", "projector", "kudosctl"] {
        let shown = run(program, &["config"], &world.flags(program)).await;
        assert!(shown.status.success(), "{program}: {}", shown.stderr);
        assert!(!shown.stdout.contains("hush-hush"), "{program}");
        assert!(shown.stdout.contains("e2e_laws"), "{program}: {}", shown.stdout);
    }
}

#[tokio::test]
async fn a_key_has_a_slot_and_a_node_that_serves_it() {
    let world = World::open("laws").await;
    let words = ["slot", "posts:by_reactions", "--json"];
    let told = run("kudosctl", &words, &world.flags("kudosctl")).await;
    assert!(told.status.success(), "{}", told.stderr);
    let places: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(places[0]["slot"], 12_488);
    let master = places[0]["master"].as_str().unwrap();
    assert!(world.get("redis.nodes").contains(master), "{master}");
}
