//! `kudosctl rebuild` against the real engines: from nothing, under load, killed, interrupted.
//!
//! Other tests share the servers, so that only this deployment's keys are deleted, on every master:
//! to it, that is an empty Redis. No projector runs here, which would fill Redis by itself.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use kudos_core::ports::{LiveCounts, Mirror, PostStore, ReactionStore, Snapshots};
use kudos_core::{Clock, Kind, Operation, PostId, SystemClock, UserId};
use kudos_redis::{RedisHashes, RedisRanks};
use kudos_testkit::Scope;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::{Api, Ended, Program, Service, World, eventually, run};

/// So many that a rebuild takes a while.
const POSTS: usize = 1_500;
/// Every so many posts have reactions.
const LIKED: usize = 5;
const AT_ONCE: usize = 32;

/// A deployment with posts, its writer, and where checkpoints go.
struct Site {
    world: World,
    writer: Service,
    posts: Vec<PostId>,
    checkpoint: PathBuf,
}

impl Site {
    /// Posts of earlier runs are still there, and are rebuilt as well.
    async fn open(name: &'static str) -> Self {
        let world =
            World::open(name).await.with("redis.response_ms", 1_000).with("redis.total_ms", 2_000);
        let (writer, scope) = (world.start("reaction-write").await, Scope::new());
        let truth = world.cassandra().await.store;
        let now = SystemClock.now();
        let written = |i: usize| {
            let minutes = Duration::from_secs(60 * i as u64);
            let mut post = scope.written(format!("{i:04}"), "title", 0);
            post.created_at = now.minus(minutes);
            post
        };
        let all: Vec<_> = (0..POSTS).map(written).collect();
        let store = async |post| truth.upsert(post).await.unwrap();
        stream::iter(&all).map(store).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
        let posts: Vec<_> = all.into_iter().map(|post| post.id).collect();
        let like = |post: &PostId| {
            let user = UserId::new("ann").unwrap();
            let op = Operation::keyed("first", post.clone(), user, Some(Kind(1)), now);
            let truth = &truth;
            async move { truth.apply(op).await.unwrap() }
        };
        let liked = posts.iter().step_by(LIKED).map(like);
        stream::iter(liked).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
        let file = format!("kudos-rebuild-{name}-{}.json", std::process::id());
        Self { world, writer, posts, checkpoint: std::env::temp_dir().join(file) }
    }

    fn words<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let path = self.checkpoint.to_str().unwrap();
        [&["rebuild", "--json", "--checkpoint", path], more].concat()
    }

    async fn rebuild(&self, more: &[&str]) -> Ended {
        run("kudosctl", &self.words(more), &self.world.flags("kudosctl")).await
    }

    fn start(&self, more: &[&str]) -> Program {
        Program::start("kudosctl", &self.words(more), &self.world.flags("kudosctl"))
    }

    /// Reactions by many users on a third of the posts, until it is stopped; then how many there were.
    fn load(&self) -> (watch::Sender<bool>, JoinHandle<usize>) {
        let (stop, stopped) = watch::channel(false);
        let posts = self.posts[..POSTS / 3].to_vec();
        let api = self.writer.api().patient();
        let task = tokio::spawn(async move {
            let mut sent = 0;
            while !*stopped.borrow() {
                let some = (0..8).map(|i| react(&api, &posts, sent + i));
                futures::future::join_all(some).await;
                sent += 8;
            }
            sent
        });
        (stop, task)
    }

    /// Redis has of every post what the truth has, in the orders too; asked for without the
    /// rebuild's own proof.
    async fn exact(&self) {
        let (truth, live) = (self.world.cassandra().await.store, self.world.redis());
        live.discover().await.unwrap();
        for posts in self.posts.chunks(100) {
            let held = live.states(posts).await.unwrap();
            let known = truth.snapshots(posts).await.unwrap();
            let known: Vec<_> = known.into_iter().map(|told| told.map(|told| told.state)).collect();
            assert_eq!(held, known);
        }
        let ranks = RedisRanks(live.clone());
        for posts in self.posts.chunks(100) {
            let known = truth.snapshots(posts).await.unwrap();
            let known: Vec<_> = known.into_iter().flatten().collect();
            let expected: Vec<_> = known.iter().map(|truth| ranks.expected(truth)).collect();
            assert_eq!(ranks.held(&known).await.unwrap(), expected);
        }
        assert!(live.top(None, 1_000).await.unwrap().is_sorted());
    }

    async fn checkpointed(&self) {
        let path = &self.checkpoint;
        eventually("a checkpoint", Duration::from_secs(30), async || {
            let saved: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
            let shares = saved["shares"].as_object()?.len();
            (shares > 0 || saved["log"]["at"].is_string()).then_some(())
        })
        .await;
    }
}

async fn react(api: &Api, posts: &[PostId], number: usize) {
    let post = &posts[number * 7 % posts.len()];
    let kind = ["like", "love", "wow"][number % 3];
    let (key, user) = (format!("k{number}"), format!("u{}", number % 50));
    api.react(&key, post.as_str(), &user, Some(kind)).await.ok();
}

/// Deletes every key of this deployment.
async fn empty(world: &World) {
    let prefix = world.get("redis.prefix");
    let nodes: Vec<String> = serde_json::from_str(world.get("redis.nodes")).unwrap();
    for node in nodes {
        let client = redis::Client::open(format!("redis://{node}")).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("*{prefix}*")).arg("COUNT").arg(1_000);
            let page: (u64, Vec<String>) = scan.query_async(&mut connection).await.unwrap();
            for key in page.1 {
                // A replica lists what its master deletes.
                let _: Result<u64, _> =
                    redis::cmd("DEL").arg(key).query_async(&mut connection).await;
            }
            cursor = page.0;
            if cursor == 0 {
                break;
            }
        }
    }
}

#[track_caller]
fn report(ended: &Ended, code: i32) -> Value {
    assert_eq!(ended.status.code(), Some(code), "{}\n{}", ended.stdout, ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

fn is_there(path: &Path) -> bool {
    path.exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_filled_from_cassandra_under_load_also_after_a_kill() {
    let site = Site::open("rebuild").await;
    empty(&site.world).await;
    let (stop, load) = site.load();
    let dry = report(&site.rebuild(&["--from", "cassandra", "--dry-run"]).await, 0);
    let missing = dry["verified"]["differing"].as_u64().unwrap();
    assert!(missing > POSTS as u64 / 2, "{dry}");
    assert!(!is_there(&site.checkpoint));

    let whole = site.rebuild(&["--from", "cassandra"]).await;
    let told = report(&whole, 0);
    eprintln!("{told}\n{}", whole.stderr);
    assert!(is_clean(&told) && told["complete"] == true, "{told}");
    assert!(told["told"].as_u64().unwrap() >= POSTS as u64, "{told}");
    let lines: Vec<Value> =
        whole.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(lines.iter().any(|line| line["task"] == "filling"), "{}", whole.stderr);
    assert!(!is_there(&site.checkpoint), "there is nothing to resume");

    empty(&site.world).await;
    let mut killed = site.start(&["--from", "cassandra"]);
    site.checkpointed().await;
    killed.kill().await;
    assert!(is_there(&site.checkpoint));
    let other = site.rebuild(&["--from", "cassandra", "--slots", "0-99", "--resume"]).await;
    assert_eq!(other.status.code(), Some(1), "{}", other.stderr);
    assert!(other.stderr.contains("another rebuild"), "{}", other.stderr);
    let resumed = report(&site.rebuild(&["--from", "cassandra", "--resume"]).await, 0);
    assert!(is_clean(&resumed) && resumed["complete"] == true, "{resumed}");

    stop.send(true).unwrap();
    eprintln!("{} reactions meanwhile", load.await.unwrap());
    let still = report(&site.rebuild(&["--from", "cassandra", "--dry-run"]).await, 0);
    assert_eq!(still["verified"]["differing"], 0, "{still}");
    site.exact().await;

    strangers_go(&site).await;
}

/// Counts of a post that never was go away, and nothing else.
async fn strangers_go(site: &Site) {
    let (live, strangers) = (site.world.redis(), ["named", "met"].map(|id| Scope::new().post(id)));
    for stranger in &strangers {
        let mut state = live.states(&site.posts[..1]).await.unwrap().remove(0).unwrap();
        state.post = stranger.clone();
        live.merge(&[state]).await.unwrap();
    }
    let one = ["--from", "cassandra", "--posts", strangers[0].as_str()];
    let (all, hashes) = (["--from", "cassandra"], RedisHashes(live.clone()));
    for (words, gone) in [(&one[..], 0), (&all[..], 1)] {
        let told = report(&site.rebuild(words).await, 0);
        assert!(is_clean(&told), "{told}");
        let found = told["verified"]["differences"].as_array().unwrap();
        assert!(found.iter().all(|found| found["wrong"] == "stranger"), "{told}");
        assert!(found.iter().any(|found| found["post"] == strangers[gone].as_str()), "{told}");
        let ranks = RedisRanks(live.clone());
        assert_eq!(hashes.places(&strangers[gone]).await.unwrap(), []);
        assert_eq!(ranks.places(&strangers[gone]).await.unwrap(), []);
    }
    site.exact().await;
}

/// Whether nothing differs any more.
fn is_clean(told: &Value) -> bool {
    let verified = &told["verified"];
    let nothing = |key: &str| verified[key].as_array().unwrap().is_empty();
    verified["differing"] == verified["mended"]
        && verified["finished"] == true
        && nothing("failures")
        && nothing("unknown")
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_filled_from_kafka_and_the_rest_from_cassandra() {
    let site = Site::open("replay").await;
    let (stop, load) = site.load();
    tokio::time::sleep(Duration::from_secs(3)).await;
    empty(&site.world).await;
    let named = site.rebuild(&["--from", "kafka", "--since", "1h"]).await;
    let told = report(&named, 3);
    assert!(told["events"].as_u64().unwrap() > 0, "{told}");
    let named = |copy: &str| {
        let copies = told["verified"]["copies"].as_array().unwrap();
        let copy = copies.iter().find(|found| found["copy"] == copy).unwrap();
        (copy["differing"].as_u64().unwrap(), copy["compared"].as_u64().unwrap())
    };
    // Of the posts that were written into the truth alone, the log knows nothing.
    let (uncovered, compared) = named("redis");
    assert!(uncovered > 0 && uncovered < compared, "{told}");

    empty(&site.world).await;
    let all = ["--from", "kafka", "--since", "1h", "--rest-from", "cassandra"];
    let mut killed = site.start(&all);
    site.checkpointed().await;
    killed.kill().await;
    let resumed = [&all[..], &["--resume"]].concat();
    let told = report(&site.rebuild(&resumed).await, 0);
    eprintln!("{told}");
    assert!(is_clean(&told) && told["complete"] == true, "{told}");
    stop.send(true).unwrap();
    eprintln!("{} reactions meanwhile", load.await.unwrap());
    // What the writer could not tell in time is in the journal, and nobody sweeps it here.
    let still = report(&site.rebuild(&["--from", "cassandra"]).await, 0);
    assert!(is_clean(&still), "{still}");
    site.exact().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_is_interrupted_ends_at_once_and_can_be_resumed() {
    let site = Site::open("interrupted").await;
    for from in [&["--from", "cassandra"][..], &["--from", "kafka", "--rest-from", "cassandra"]] {
        empty(&site.world).await;
        let running = site.start(from);
        site.checkpointed().await;
        let asked = Instant::now();
        let ended = running.interrupt().await;
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        assert_eq!(ended.status.code(), Some(130), "{}", ended.stderr);
        assert!(ended.stderr.contains("--resume"), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        let told = report(&site.rebuild(&[from, &["--resume"]].concat()).await, 0);
        assert!(is_clean(&told), "{told}");
        assert!(!is_there(&site.checkpoint));
    }
    site.exact().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_asked() {
    let nothing: [String; 0] = [];
    for words in [
        &["rebuild"][..],
        &["rebuild", "--from", "elsewhere"],
        &["rebuild", "--from", "cassandra", "--since", "1h"],
        &["rebuild", "--from", "cassandra", "--slots", "16384"],
        &["rebuild", "--from", "cassandra", "--dry-run", "--resume"],
    ] {
        let ended = run("kudosctl", words, &nothing).await;
        assert_eq!(ended.status.code(), Some(64), "{words:?}: {}", ended.stderr);
    }
    let help = run("kudosctl", &["rebuild", "--help"], &nothing).await;
    assert!(help.status.success() && help.stdout.contains("kudosctl rebuild --from kafka"));
    let gone = ["rebuild", "--from", "cassandra", "--resume", "--checkpoint", "/nowhere/c.json"];
    let ended = run("kudosctl", &gone, &nothing).await;
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("checkpoint"), "{}", ended.stderr);
}
