//! `kudosctl verify`, `explain` and `repair`, on copies that were made wrong by hand.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kudos_core::ports::{PostStore, Projection, ReactionStore, Snapshots};
use kudos_core::{
    Clock, Counts, Millis, Operation, Post, PostId, PostState, Snapshot, SystemClock, Version,
};
use kudos_testkit::Scope;
use kudos_testkit::scope::LIKE;
use serde_json::{Value, json};

use crate::support::{Ended, World, eventually, interrupted, run};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Runs `kudosctl` in a world where a change has a second to arrive.
async fn kudosctl(world: &World, words: &[&str]) -> Ended {
    run("kudosctl", words, &world.flags("kudosctl")).await
}

async fn document(world: &World, words: &[&str]) -> (Option<i32>, Value) {
    let words = [words, &["--json", "--settle", "1s", "--rows", "1"]].concat();
    let ended = kudosctl(world, &words).await;
    let parsed = serde_json::from_str(&ended.stdout);
    let document = parsed.unwrap_or_else(|error| panic!("{error}: {}", ended.stderr));
    (ended.status.code(), document)
}

/// Runs a command on the node of Redis that takes it.
async fn redis(world: &World, words: &[&str]) {
    let nodes: Vec<String> = serde_json::from_str(world.get("redis.nodes")).unwrap();
    for node in nodes {
        let client = redis::Client::open(format!("redis://{node}")).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::Cmd::new();
        command.arg(words);
        // Of a cluster's nodes one has the key, and the others say so.
        if command.query_async::<redis::Value>(&mut connection).await.is_ok() {
            return;
        }
    }
    panic!("no node takes {words:?}");
}

/// Posts of the last hour, stored by the services with two likes each, and every copy right.
async fn well(world: &World, scope: &Scope, names: &[&str]) -> Millis {
    let created_at = Millis(SystemClock.now().0 - HOUR_MS / 2);
    let (writer, projector) =
        futures::join!(world.start("reaction-write"), world.start("projector"));
    let api = writer.api();
    for name in names {
        api.put_post(&Post { created_at, ..scope.written(name, "title", 0) }).await;
        for user in ["ann", "ben"] {
            let (post, user) = (scope.post(name), scope.user(user));
            api.react("k", post.as_str(), user.as_str(), Some("like")).await.ok();
        }
    }
    // What an earlier run has left wrong is mended with the rest.
    eventually("every copy is right", Duration::from_secs(60), async || {
        let (code, _) = document(world, &["repair", "--all"]).await;
        let (verified, _) = document(world, &["verify"]).await;
        (code == Some(0) && verified == Some(0)).then_some(())
    })
    .await;
    assert!(writer.stop().await.success() && projector.stop().await.success());
    created_at
}

/// Makes one difference of each kind, with nobody there to mend it.
async fn spoil(world: &World, scope: &Scope, created_at: Millis) {
    let prefix = world.get("redis.prefix");
    let hash = |name: &str| format!("{prefix}post:{}:reactions", scope.post(name));
    let member = |name: &str| format!("post:{}", scope.post(name));
    let (popular, times) =
        (format!("{prefix}posts:by_reactions"), format!("{prefix}posts:by_time"));
    let day = format!("{{{popular}}}:d:{}", created_at.0 / DAY_MS);
    let yesterday = format!("{{{popular}}}:d:{}", created_at.0 / DAY_MS - 1);

    redis(world, &["HSET", &hash("count"), "like", "77"]).await;
    redis(world, &["DEL", &hash("lost")]).await;
    redis(world, &["HSET", &hash("nobody"), "V", "1", "C", "1", "A", "1", "like", "5"]).await;
    redis(world, &["ZADD", &popular, "99", &member("score")]).await;
    redis(world, &["ZREM", &day, &member("window")]).await;
    redis(world, &["ZADD", &yesterday, "9", &member("elsewhere")]).await;
    redis(world, &["ZADD", &times, "7", &member("nobody")]).await;

    let urls: Vec<String> = serde_json::from_str(world.get("elastic.urls")).unwrap();
    let update = format!("{}/{}/_update", urls[0], world.get("elastic.index"));
    let update = format!("{update}/{}", scope.post("document"));
    let body = json!({ "doc": { "reaction_count": 77 } });
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    http.post(update).json(&body).send().await.unwrap().error_for_status().unwrap();

    let truth = world.cassandra().await;
    truth.store.hide(&scope.post("hidden")).await.unwrap();
    let late = scope.post("late");
    truth.store.upsert(&Post { created_at, ..scope.written("late", "title", 0) }).await.unwrap();
    for user in ["ann", "ben"] {
        let (now, user) = (SystemClock.now(), scope.user(user));
        let like = Operation::keyed("k", late.clone(), user, Some(LIKE), now);
        truth.store.apply(like).await.unwrap();
    }
    let now = truth.store.snapshots(std::slice::from_ref(&late)).await.unwrap().remove(0).unwrap();
    let (version, counts) = (Version(1), Counts::from_iter([5]));
    let state = PostState { version, counts, ..now.state.clone() };
    truth.rollup.put(&[Snapshot { state, ..now }]).await.unwrap();
}

/// What differs, as post, copy and how.
fn differences(scope: &Scope, report: &Value) -> BTreeSet<(PostId, String, String)> {
    let text = |found: &Value, key: &str| found[key].as_str().unwrap().to_owned();
    let found = report["differences"].as_array().unwrap().iter();
    let found = found.map(|found| {
        let post = PostId::new(&text(found, "post")).unwrap();
        assert!(scope.owns(&post), "{found}");
        (post, text(found, "copy"), text(found, "wrong"))
    });
    found.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_difference_is_named_by_post_and_copy_and_mended() {
    let (world, scope) = (World::open("verify").await, Scope::new());
    let names =
        ["count", "lost", "score", "window", "elsewhere", "document", "hidden", "untouched"];
    let created_at = well(&world, &scope, &names).await;
    spoil(&world, &scope, created_at).await;

    let (code, report) = document(&world, &["verify"]).await;
    let expected = [
        ("count", "redis", "different"),
        ("lost", "redis", "missing"),
        ("nobody", "redis", "stranger"),
        ("nobody", "ranks", "stranger"),
        ("score", "ranks", "different"),
        ("window", "ranks", "missing"),
        ("elsewhere", "ranks", "stranger"),
        ("document", "elastic", "different"),
        ("hidden", "redis", "different"),
        ("hidden", "ranks", "stranger"),
        ("hidden", "rollup", "stranger"),
        ("hidden", "elastic", "behind"),
        ("late", "rollup", "behind"),
        ("late", "redis", "missing"),
        ("late", "ranks", "missing"),
        ("late", "elastic", "missing"),
    ];
    let all: BTreeSet<_> = expected
        .map(|(name, copy, wrong)| (scope.post(name), copy.to_owned(), wrong.to_owned()))
        .into();
    assert_eq!(differences(&scope, &report), all, "{report:#}");
    assert_eq!((code, &report["differing"]), (Some(3), &json!(all.len())));
    let count = report["differences"].as_array().unwrap().iter();
    let count = count.into_iter().find(|found| found["post"] == scope.post("count").as_str());
    let field = json!({ "name": "like", "truth": 2, "found": 77 });
    assert_eq!(count.unwrap()["fields"], json!([field]));

    let post = scope.post("score");
    let explained = kudosctl(&world, &["explain", post.as_str()]).await;
    assert_eq!(explained.status.code(), Some(3), "{}", explained.stdout);
    for said in ["posts:by_reactions: 99, NOT 2.", " ago", "THE COPIES DIFFER"] {
        assert!(explained.stdout.contains(said), "{}", explained.stdout);
    }
    stops_when_told(&world).await;

    let (code, report) = document(&world, &["repair", scope.post("count").as_str()]).await;
    assert_eq!((code, &report["mended"]), (Some(0), &json!(1)), "{report:#}");
    let (code, report) = document(&world, &["repair", "--all"]).await;
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(report["mended"], json!(all.len() - 1), "{report:#}");
    let ended = kudosctl(&world, &["verify", "--settle", "1s"]).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stdout);
    assert!(ended.stdout.trim_end().ends_with("nothing differs"), "{}", ended.stdout);
    let explained = kudosctl(&world, &["explain", post.as_str()]).await;
    assert_eq!(explained.status.code(), Some(0), "{}", explained.stdout);
    // Copies that were made to forget take what comes next.
    follows_again(&world, &scope).await;
}

/// While it waits to look again at what differs, it is told to stop.
async fn stops_when_told(world: &World) {
    let words = ["verify", "--settle", "1h", "--rows", "1"];
    let flags = world.flags("kudosctl");
    let ended = interrupted("kudosctl", &words, &flags, "\"task\":\"posts\"").await;
    let (ended, took) = ended;
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("it was stopped, call it again"), "{}", ended.stdout);
}

async fn follows_again(world: &World, scope: &Scope) {
    let began = Instant::now();
    let (writer, _projector) =
        futures::join!(world.start("reaction-write"), world.start("projector"));
    for name in ["count", "document", "lost", "score"] {
        let (post, user) = (scope.post(name), scope.user("cid"));
        writer.api().react("k", post.as_str(), user.as_str(), Some("love")).await.ok();
    }
    eventually("copies follow", Duration::from_secs(30), async || {
        let (code, report) = document(world, &["verify"]).await;
        (code == Some(0)).then_some(()).or_else(|| {
            eprintln!("after {:?}: {report:#}", began.elapsed());
            None
        })
    })
    .await;
}

#[tokio::test]
async fn an_unknown_post_is_no_success() {
    let (world, scope) = (World::open("laws").await, Scope::new());
    let ended = kudosctl(&world, &["repair", scope.post("nowhere").as_str()]).await;
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("neither the truth nor a copy knows it"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_copy_that_is_gone_is_no_success() {
    let (world, scope) = (World::open("laws").await, Scope::new());
    world.cassandra().await.store.upsert(&scope.written("p", "title", 0)).await.unwrap();
    let world = world.with("elastic.urls", r#"["http://127.0.0.1:1"]"#);
    let (code, report) = document(&world, &["verify", "--no-strangers"]).await;
    assert_eq!(code, Some(1), "{report:#}");
    assert_eq!(report["failures"][0]["copy"], "elastic", "{report:#}");
}
