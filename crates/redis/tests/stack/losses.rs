//! What a master has lost is noticed, and the loader brings back that and no more.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{
    Believed, EventLog, Exchange, Found, LiveCounts, Mark, Marks, PostStore, ReactionStore,
    Snapshots,
};
use kudos_core::{Clock, Kind, Millis, Operation, Post, PostId, SystemClock, UserId};
use kudos_projection::{LiveSink, Loader, LoaderPorts, LoaderSettings};
use kudos_redis::{Orders, RedisLive};
use kudos_testkit::{MemoryJournal, MemoryLeases, MemoryTopic, MemoryTruth, Scope};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::support::{Cluster, alone, cli, complete, until};

/// As in the table of faults: how long a loss may go unnoticed, and how long it may last.
const NOTICED: Duration = Duration::from_secs(5);
const MENDED: Duration = Duration::from_secs(60);
const POSTS: usize = 120;

fn mark(at: u64) -> Mark {
    Mark { at: Millis(at), sure: Some(Millis(at - 1)) }
}

async fn exchange(live: &RedisLive, believed: Believed, new: Mark) -> Vec<Found> {
    let exchanges: Vec<_> =
        (0..live.parts()).map(|part| Exchange { part, believed, new }).collect();
    let answers = live.exchange(&exchanges).await;
    answers.into_iter().map(|found| found.expect("Redis answers")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_is_replaced_only_if_it_is_the_one_believed_in() {
    let cluster = Cluster::start(0, &[]);
    let live = complete(cluster.settings()).await;
    let (first, second) = (mark(7), mark(9));
    let all = |found: Vec<Found>, mark| assert!(found.iter().all(|found| found.mark == mark));
    all(exchange(&live, Believed::Unknown, first).await, None);
    all(exchange(&live, Believed::Absent, first).await, None);
    all(exchange(&live, Believed::Absent, second).await, Some(first));
    all(exchange(&live, Believed::Unknown, second).await, Some(first));
    all(exchange(&live, Believed::Mark(first), second).await, Some(first));
    let found = exchange(&live, Believed::Mark(second), second).await;
    let holders: std::collections::BTreeSet<_> = found.iter().map(|found| &found.holder).collect();
    assert_eq!(holders.len(), 3);
    all(found, Some(second));

    cli(cluster.nodes[0].port, &["FLUSHALL"]);
    let found = exchange(&live, Believed::Mark(second), mark(11)).await;
    let lost = |found: &Found| found.mark.is_none();
    let parts = found.iter().enumerate().filter(|(_, found)| lost(found)).map(|(part, _)| part);
    let (parts, scope) = (parts.collect(), Scope::new());
    let (reach, topology) = (live.reach(&parts), live.topology().expect("it is known"));
    let emptied = cluster.nodes[0].address();
    for post in (0..50).map(|i| scope.post(i)) {
        let is_there = |key: &String| {
            let shard = topology.shard_of(kudos_redis::slot_of(key)).expect("all are served");
            shard.master == emptied
        };
        assert_eq!(reach(&post), live.keys_of(&post).iter().any(is_there), "{post}");
    }
}

/// A truth and a log in memory, Redis, and a loader that looks after it.
struct Scene {
    cluster: Cluster,
    live: Arc<RedisLive>,
    truth: Arc<MemoryTruth>,
    topic: MemoryTopic,
    posts: Vec<PostId>,
    loader: Arc<Loader>,
}

impl Scene {
    async fn open() -> Self {
        let cluster = Cluster::start(1, &[]);
        let live = Arc::new(complete(cluster.settings()).await);
        let (truth, scope) = (Arc::new(MemoryTruth::new()), Scope::new());
        let topic = MemoryTopic::timed(3, Arc::new(SystemClock));
        let ports = LoaderPorts {
            truth: truth.clone(),
            sink: Arc::new(LiveSink(live.clone())),
            completeness: Arc::new(Orders::new(live.clone())),
            marks: live.clone(),
            log: Arc::new(topic.clone()),
            windows: Arc::new(MemoryJournal::new(SystemClock)),
            leases: Arc::new(MemoryLeases::new()),
            clock: Arc::new(SystemClock),
        };
        let observer: Arc<dyn kudos_degraded::Observer> = Arc::new(());
        let loader = Loader::new(ports, "a", &observer, LoaderSettings::default());
        let loader = Arc::new(loader.expect("the settings are valid"));
        let posts: Vec<_> = (0..POSTS).map(|i| scope.post(i)).collect();
        let scene = Self { cluster, live, truth, topic, posts, loader };
        for id in &scene.posts {
            let (title, body, author) = (String::new(), String::new(), String::new());
            let (id, created_at) = (id.clone(), SystemClock.now());
            let post = Post { id, title, body, author, created_at };
            scene.truth.upsert(&post).await.expect("it is in memory");
            scene.like(&post.id, "ann").await;
        }
        let running = scene.loader.clone();
        tokio::spawn(async move { running.run(CancellationToken::new()).await });
        let loaded = async || scene.loader.loaded() as usize >= POSTS;
        until("the first look is over", MENDED, loaded).await;
        sleep(Duration::from_secs(2)).await;
        scene
    }

    /// As a writer does whose sinks all answer.
    async fn like(&self, post: &PostId, user: &str) {
        let (user, now) = (UserId::new(user).expect("it is valid"), SystemClock.now());
        let op = Operation::keyed("k", post.clone(), user.clone(), Some(Kind(0)), now);
        let change = self.truth.apply(op).await.expect("it is in memory").change(&user);
        let change = change.expect("it is new");
        until("Redis takes it", Duration::from_secs(20), async || {
            self.live.merge(std::slice::from_ref(&change.state)).await.is_ok()
        })
        .await;
        self.topic.publish(&change).await.expect("it is in memory");
    }

    async fn is_exact(&self) -> bool {
        let truth = self.truth.snapshots(&self.posts).await.expect("it is in memory");
        let totals = truth.into_iter().flatten().map(|post| Some(post.state.counts.total()));
        let Ok(found) = self.live.states(&self.posts).await else { return false };
        let found: Vec<_> =
            found.into_iter().map(|state| state.map(|state| state.counts.total())).collect();
        let Ok(ranks) = self.live.top(None, POSTS + 1).await else { return false };
        let in_order = |post: &PostId, total: &Option<u64>| {
            ranks.iter().any(|rank| rank.post == *post && Some(rank.total) == *total)
        };
        totals.eq(found.iter().copied())
            && self.posts.iter().zip(&found).all(|(post, total)| in_order(post, total))
    }

    /// Waits until the loader does something, and then until Redis is exact; says how long it took.
    async fn recover(&self, since: Instant) -> (Duration, Duration) {
        let before = self.loader.loaded();
        let noticed = async || self.loader.loaded() > before;
        until("the loss is noticed", MENDED, noticed).await;
        let noticed = since.elapsed();
        until("all is there again", MENDED, async || self.is_exact().await).await;
        (noticed, since.elapsed())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_master_is_loaded_again() {
    let _alone = alone().await;
    let scene = Scene::open().await;
    assert!(scene.is_exact().await);
    for node in &scene.cluster.nodes {
        let role = cli(node.port, &["ROLE"]);
        if !role.starts_with("master") {
            continue;
        }
        cli(node.port, &["FLUSHALL"]);
        let flushed = Instant::now();
        assert!(!scene.is_exact().await);
        let (noticed, mended) = scene.recover(flushed).await;
        println!("noticed after {noticed:.1?}, exact after {mended:.1?}");
        assert!(noticed <= NOTICED, "{noticed:?}");
    }
}

/// A replica that was behind takes over: what its master had acknowledged since is gone.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_failover_lost_is_told_again() {
    let _alone = alone().await;
    let scene = Scene::open().await;
    let topology = scene.live.topology().expect("it is known");
    let shard = topology.shards().first().expect("there are three");
    let master = scene.cluster.node(&shard.master);
    let told = scene.loader.loaded();
    // Its replica is cut off and does not come in again; who is connected already stays so.
    cli(master.port, &["CONFIG", "SET", "requirepass", "secret"]);
    cli(master.port, &["-a", "secret", "CLIENT", "KILL", "TYPE", "replica"]);
    for post in &scene.posts {
        scene.like(post, "ben").await;
    }
    master.signal("KILL");
    let killed = Instant::now();
    until("all is there again", MENDED, async || scene.is_exact().await).await;
    let mended = killed.elapsed();
    until("something was lost", NOTICED, async || scene.loader.loaded() > told).await;
    let told = scene.loader.loaded() - told;
    println!("exact after {mended:.1?}, {told} of {POSTS} posts told");
}
