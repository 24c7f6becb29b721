//! One master dies or hangs: the others go on, and its own slots come back by themselves.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::PostId;
use kudos_core::ports::LiveCounts;
use kudos_redis::{CheckError, RedisLive, RedisSettings, slot_of};
use kudos_testkit::Scope;
use tokio::time::Instant;

use crate::support::{Cluster, alone, complete, state};

/// The node-timeout of these clusters is 2 s: a replica is voted in 1 to 2 s after that.
const BACK_WITHIN: Duration = Duration::from_secs(10);
/// How long the others are watched.
const WATCHED: Duration = Duration::from_secs(8);
const P99: Duration = Duration::from_millis(50);

struct Scene {
    cluster: Cluster,
    live: Arc<RedisLive>,
    /// The master that holds no rank.
    victim: String,
    /// Posts of which everything is on other masters.
    others: Vec<PostId>,
    /// Posts of which the hash is on the victim.
    own: Vec<PostId>,
}

/// Defaults as they are deployed, and a third of the posts on the victim.
async fn scene() -> Scene {
    let cluster = Cluster::start(1, &[]);
    let nodes = cluster.settings().nodes;
    let deployed =
        RedisSettings { nodes, mode: cluster.settings().mode, ..RedisSettings::default() };
    let live = complete(deployed).await;
    live.migrate().await.expect("the library can be loaded");
    let topology = live.topology().expect("it is known");
    let master =
        |key: &str| topology.shard_of(slot_of(key)).expect("all are served").master.clone();
    let ranks = [master("posts:by_reactions"), master("posts:by_time")];
    let masters = topology.shards().iter().map(|shard| shard.master.clone());
    let victim = masters.into_iter().find(|node| !ranks.contains(node)).expect("there are three");
    let scope = Scope::new();
    let posts = (0..200).map(|i| scope.post(i));
    let (own, others) = posts.partition(|post| master(&format!("post:{post}:reactions")) == victim);
    Scene { cluster, live: Arc::new(live), victim, others, own }
}

impl Scene {
    /// Sends the victim a signal, then likes and reads one post of the others after the other.
    /// Answers with what was seen, for whoever wants the figures.
    async fn play(&self, signal: &str) -> String {
        for post in self.others.iter().chain(&self.own) {
            self.live.merge(&[state(post, 1)]).await.expect("all is well");
        }
        self.cluster.node(&self.victim).signal(signal);
        let broken = Instant::now();
        let own = tokio::spawn({
            let (live, own) = (Arc::clone(&self.live), self.own.clone());
            async move { back(&live, &own, broken).await }
        });
        let mut took = Vec::new();
        let mut version = 1;
        while broken.elapsed() < WATCHED {
            version += 1;
            for post in &self.others {
                let post = std::slice::from_ref(post);
                let newer = [state(&post[0], version)];
                took.push(timed(async { self.live.merge(&newer).await.is_ok() }).await);
                took.push(timed(async { holds(&self.live, post).await }).await);
                took.push(timed(async { self.live.top(None, 20).await.is_ok() }).await);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        took.sort_unstable();
        let p99 = took[took.len() * 99 / 100];
        let away = own.await.expect("its own shard comes back");
        let most = took.last().expect("there were some");
        assert!(p99 <= P99, "p99 of other shards: {p99:?}");
        format!("{signal}: others p99 {p99:?}, max {most:?} of {}; own away {away:?}", took.len())
    }
}

/// How long a call took; what failed is as slow as can be.
async fn timed(call: impl Future<Output = bool>) -> Duration {
    let begun = Instant::now();
    if call.await { begun.elapsed() } else { Duration::MAX }
}

async fn holds(live: &RedisLive, posts: &[PostId]) -> bool {
    live.states(posts).await.is_ok_and(|states| states.iter().all(Option::is_some))
}

/// How long it takes until every post of the shard can be liked and read again.
async fn back(live: &RedisLive, own: &[PostId], broken: Instant) -> Duration {
    let states: Vec<_> = own.iter().map(|post| state(post, 2)).collect();
    loop {
        let begun = Instant::now();
        let merged = live.merge(&states).await;
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(2), "a call has a deadline, and took {took:?}");
        if merged.is_ok() && holds(live, own).await {
            return broken.elapsed();
        }
        assert!(broken.elapsed() < BACK_WITHIN, "not back: {merged:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_master_is_one_slow_shard_until_its_replica_takes_over() {
    let _alone = alone().await;
    let scene = scene().await;
    println!("{}", scene.play("KILL").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_master_is_one_slow_shard_until_its_replica_takes_over() {
    let _alone = alone().await;
    let scene = scene().await;
    println!("{}", scene.play("STOP").await);
    scene.cluster.node(&scene.victim).signal("CONT");
}

/// Faster than a cluster notices: connections are made anew, nobody has to be voted in.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_for_a_second_is_used_again_soon_after() {
    let _alone = alone().await;
    let server = crate::support::start(&[]);
    let nodes = vec![server.address()];
    let live = complete(RedisSettings { nodes, ..RedisSettings::default() }).await;
    let post = Scope::new().post("p");
    live.merge(&[state(&post, 1)]).await.expect("all is well");
    server.signal("STOP");
    let stopped = Instant::now();
    while stopped.elapsed() < Duration::from_secs(1) {
        let begun = Instant::now();
        assert!(live.merge(&[state(&post, 2)]).await.is_err());
        assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
    }
    server.signal("CONT");
    let merge = async || live.merge(&[state(&post, 3)]).await.is_ok();
    crate::support::until("it is used again", Duration::from_secs(4), merge).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_master_is_named_and_nobody_says_that_all_are_gone() {
    let _alone = alone().await;
    let scene = scene().await;
    scene.cluster.node(&scene.victim).signal("KILL");
    // A moment later it is dead.
    while tokio::net::TcpStream::connect(&scene.victim).await.is_ok() {}
    let error = scene.live.check().await.expect_err("a master is dead");
    assert!(matches!(&error, CheckError::Shard(why) if why.contains(&scene.victim)), "{error}");
}
