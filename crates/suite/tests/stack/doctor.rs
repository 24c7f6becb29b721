//! `kudosctl doctor` against the engines as they are, and with something wrong.

use serde_json::Value;
use tokio::sync::Mutex;

use crate::support::{World, run};

const ENGINES: [&str; 4] = ["cassandra", "redis", "kafka", "elastic"];

/// A setting that one test makes wrong is not to be found by another.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn examine(world: &World) -> (Option<i32>, Value) {
    let done = run("kudosctl", &["doctor", "--json"], &world.flags("kudosctl")).await;
    let report = serde_json::from_str(&done.stdout);
    (done.status.code(), report.unwrap_or_else(|_| panic!("{}{}", done.stdout, done.stderr)))
}

/// What was found on an engine that is called so.
fn findings<'a>(report: &'a Value, engine: &str, what: &str) -> Vec<&'a Value> {
    let engines = report["engines"].as_array().unwrap();
    let examined = engines.iter().find(|examined| examined["engine"] == engine).unwrap();
    let all = examined["findings"].as_array().unwrap().iter();
    all.filter(|finding| finding["what"] == what).collect()
}

fn worst<'a>(report: &'a Value, engine: &str) -> &'a str {
    let engines = report["engines"].as_array().unwrap();
    let examined = engines.iter().find(|examined| examined["engine"] == engine).unwrap();
    examined["worst"].as_str().unwrap()
}

#[tokio::test]
async fn the_stack_has_no_error_and_is_warned_of_what_it_would_not_survive() {
    let (world, _alone) = (World::open("laws").await, ALONE.lock().await);
    let (code, report) = examine(&world).await;
    // One broker, whatever else there is.
    assert_eq!((code, &report["worst"]), (Some(3), &"warning".into()), "{report:#}");
    for engine in ENGINES {
        assert_ne!(worst(&report, engine), "error", "{report:#}");
    }
    for (engine, what) in [
        ("cassandra", "version"),
        ("cassandra", "commitlog_sync"),
        ("cassandra", "paxos_variant"),
        ("cassandra", "clock"),
        ("cassandra", "schema"),
        ("cassandra", "buckets and kinds"),
        ("redis", "version"),
        ("redis", "maxmemory-policy"),
        ("redis", "library kudos"),
        ("redis", "clock"),
        ("kafka", "retention.ms"),
        ("kafka", "partitions"),
        ("elastic", "version"),
        ("elastic", "template"),
        ("elastic", "refresh_interval"),
        ("elastic", "clock"),
    ] {
        let found = findings(&report, engine, what);
        assert!(!found.is_empty(), "{engine} {what}: {report:#}");
        assert!(found.iter().all(|finding| finding["severity"] == "ok"), "{found:#?}");
    }
    let copies = findings(&report, "kafka", "copies");
    assert!(copies.iter().all(|finding| finding["severity"] == "warning"), "{copies:#?}");
    let nodes = world.get("cassandra.contact_points").split(',').count();
    let copies = findings(&report, "cassandra", "copies in datacenter1");
    let expected = if nodes >= 3 { "ok" } else { "warning" };
    assert_eq!(copies[0]["severity"], expected, "{copies:#?}");
    assert_eq!(findings(&report, "cassandra", "version").len(), nodes);
}

#[tokio::test]
async fn one_dependency_that_is_gone_is_told_and_the_others_are_examined() {
    let (world, _alone) = (World::open("laws").await, ALONE.lock().await);
    for (engine, key, nobody) in [
        ("cassandra", "cassandra.contact_points", r#"["127.0.0.1:1"]"#),
        ("redis", "redis.nodes", r#"["127.0.0.1:1"]"#),
        ("kafka", "kafka.brokers", r#"["127.0.0.1:1"]"#),
        ("elastic", "elastic.urls", r#"["http://127.0.0.1:1"]"#),
    ] {
        let (code, report) = examine(&world.clone().with(key, nobody)).await;
        assert_eq!(code, Some(3));
        for other in ENGINES {
            let is_bad = worst(&report, other) == "error";
            assert_eq!(is_bad, other == engine, "{other} without {engine}: {report:#}");
        }
        let answers = findings(&report, engine, "answers");
        assert_eq!((&answers[0]["found"], answers.len()), (&"no".into(), 1), "{report:#}");
    }
}

#[tokio::test]
async fn what_is_not_migrated_is_told_with_the_command_to_run() {
    let (world, _alone) = (World::open("laws").await, ALONE.lock().await);
    let new = world
        .with("cassandra.keyspace", "e2e_never")
        .with("kafka.topic", "e2e-never")
        .with("elastic.index", "e2e-never");
    let (code, report) = examine(&new).await;
    assert_eq!(code, Some(3));
    for (engine, what) in [("cassandra", "exists"), ("kafka", "exists"), ("elastic", "schema")] {
        let found = findings(&report, engine, what);
        let told = |finding: &&&Value| finding["severity"] == "error";
        let advice = found.iter().find(told).and_then(|finding| finding["advice"].as_str());
        assert!(advice.is_some_and(|advice| advice.contains("kudosctl migrate")), "{report:#}");
    }
}

#[tokio::test]
async fn a_wrong_setting_of_one_redis_is_found_and_named() {
    let (world, _alone) = (World::open("laws").await, ALONE.lock().await);
    let nodes: Vec<String> = serde_json::from_str(world.get("redis.nodes")).unwrap();
    // What does no harm to the tests beside this one while it is wrong.
    let (setting, wrong, severity) = match world.get("redis.mode") {
        "cluster" => ("cluster-require-full-coverage", "yes", "error"),
        _ => ("maxmemory", "0", "warning"),
    };
    let node = &nodes[0];
    let before = config(node, &["GET", setting]).await;
    config(node, &["SET", setting, wrong]).await;
    let (code, report) = examine(&world).await;
    config(node, &["SET", setting, &before[1]]).await;

    let found = findings(&report, "redis", setting);
    let bad: Vec<_> = found.iter().filter(|finding| finding["severity"] != "ok").collect();
    assert_eq!((code, bad.len()), (Some(3), 1), "{report:#}");
    assert_eq!((&bad[0]["about"], &bad[0]["severity"]), (&node.as_str().into(), &severity.into()));
    let (_, healed) = examine(&world).await;
    let found = findings(&healed, "redis", setting);
    assert!(found.iter().all(|finding| finding["severity"] == "ok"), "{found:#?}");
}

/// `CONFIG GET` or `CONFIG SET`; of the former the name and the value.
async fn config(node: &str, words: &[&str]) -> Vec<String> {
    let client = redis::Client::open(format!("redis://{node}")).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut command = redis::cmd("CONFIG");
    command.arg(words);
    let answer: redis::Value = command.query_async(&mut connection).await.unwrap();
    redis::from_redis_value(answer).unwrap_or_default()
}
