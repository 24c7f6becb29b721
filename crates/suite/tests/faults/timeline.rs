//! What happens when, from the death of a master until there are two servers for its slots again, and
//! when the one that took over dies as well.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::masters::{REDIS, Shard, back, victim};
use crate::nodes::{self, Broken, connect};
use crate::report::Row;
use crate::rig::{MINUTE, Rig};
use crate::support::eventually;

/// What is seen in turn, and how long after the death an operator is promised it at most.
const EVENTS: [(&str, Duration); 5] = [
    ("the others agree that it failed", Duration::from_secs(15)),
    ("its replica is the master", Duration::from_secs(30)),
    ("clients write to its slots again", Duration::from_secs(31)),
    ("started again, it is a replica that syncs", Duration::from_secs(35)),
    ("it has all that the new master has", Duration::from_secs(300)),
];

/// A cluster as one of its servers sees it.
struct View {
    server: String,
    since: Instant,
}

impl View {
    async fn ask(&self, server: &str, words: &[&str]) -> Option<String> {
        let mut connection = connect(server).await.ok()?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query_async(&mut connection).await.ok()
    }

    /// How long after the death the line of `address` in CLUSTER NODES is so.
    async fn until_node(
        &self,
        what: &str,
        address: &str,
        is_so: impl Fn(&[&str]) -> bool,
    ) -> Duration {
        eventually(what, 5 * MINUTE, async || {
            let nodes = self.ask(&self.server, &["CLUSTER", "NODES"]).await?;
            let mut lines = nodes.lines().map(|line| line.split(' ').collect::<Vec<_>>());
            let line = lines.find(|line| line[1].split('@').next() == Some(address))?;
            is_so(&line).then(|| self.since.elapsed())
        })
        .await
    }

    /// How long after the death `master` says that a replica has all that it has.
    async fn until_synced(&self, what: &str, master: &str) -> Duration {
        eventually(what, 5 * MINUTE, async || {
            let info = self.ask(master, &["INFO", "replication"]).await?;
            info.contains("state=online").then(|| self.since.elapsed())
        })
        .await
    }
}

/// Whether a node of CLUSTER NODES has a flag.
fn is(line: &[&str], flag: &str) -> bool {
    line[2].split(',').any(|found| found == flag)
}

async fn play(rig: &Rig, Shard { name, address, replica }: Shard, server: String) -> Vec<Duration> {
    let broken = Broken::by("KILL", vec![name], REDIS).await;
    let view = View { server, since: Instant::now() };
    let (failed, promoted, clients) = futures::join!(
        view.until_node(EVENTS[0].0, &address, |line| is(line, "fail")),
        view.until_node(EVENTS[1].0, &replica, |line| is(line, "master") && line.len() > 8),
        back(rig, view.since),
    );
    let syncs = async {
        let is_replica = |line: &[&str]| is(line, "slave") && line[7] == "connected";
        let replica = view.until_node(EVENTS[3].0, &address, is_replica).await;
        (replica, view.until_synced(EVENTS[4].0, &master_of(&view, &address).await).await)
    };
    let ((), (replica, synced)) = futures::join!(broken.mend(), syncs);
    vec![failed, promoted, clients, replica, synced]
}

/// The address of the master that a replica follows.
async fn master_of(view: &View, replica: &str) -> String {
    eventually("the replica has a master", MINUTE, async || {
        let nodes = view.ask(&view.server, &["CLUSTER", "NODES"]).await?;
        let lines: Vec<Vec<_>> = nodes.lines().map(|line| line.split(' ').collect()).collect();
        let address = |line: &Vec<&str>| line[1].split('@').next().map(str::to_owned);
        let own = lines.iter().find(|line| address(line).as_deref() == Some(replica))?;
        lines.iter().find(|line| line[0] == own[3]).and_then(address)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn row_29_a_master_dies_and_has_a_replica_again() {
    let mut row = Row::new(29, "one Redis master killed, and started again when it was replaced");
    let rig = Rig::open().await;
    let shard = victim(&rig).await;
    let topology = rig.world.redis().discover().await.expect("Redis answers");
    let others = topology.shards().iter().map(|shard| shard.master.clone());
    let other = others.into_iter().find(|master| *master != shard.address).expect("a cluster");
    let seen = Mutex::new(Vec::new());
    rig.during(&mut row, MINUTE, async {
        sleep(Duration::from_secs(15)).await;
        *seen.lock().unwrap() = Box::pin(play(&rig, shard, other)).await;
    })
    .await;
    for ((event, limit), took) in EVENTS.into_iter().zip(seen.into_inner().unwrap()) {
        row.within(event, limit, took);
    }
    rig.went_on(row);
}

/// How long a death of one of three servers may cost its slots, as in rows 5 to 7.
const AWAY: Duration = Duration::from_secs(10);

/// The master dies, then the replica that took over, as soon as the last one follows it: how long
/// the slots were away, twice.
async fn die_twice(rig: &Rig, first: Shard) -> [Duration; 2] {
    let masters = async || {
        let topology = rig.world.redis().discover().await.expect("Redis answers");
        let master = |slot| topology.shard_of(slot).map(|shard| shard.master.clone());
        (0..16_384).map(master).collect::<Vec<_>>()
    };
    let before = masters().await;
    let slot = before.iter().position(|master| master.as_ref() == Some(&first.address));
    let slot = slot.expect("a master has slots");

    let (one, since) = (Broken::by("KILL", vec![first.name], REDIS).await, Instant::now());
    let away = back(rig, since).await;
    let second = masters().await[slot].clone().expect("the slot is served");
    assert_ne!(second, first.address, "a replica took over");
    let view = View { server: second.clone(), since };
    view.until_synced("the last replica follows", &second).await;

    let since = Instant::now();
    let two = Broken::by("KILL", vec![nodes::at(&second)], REDIS).await;
    let again = back(rig, since).await;
    two.mend().await;
    one.mend().await;
    [away, again]
}

#[tokio::test(flavor = "multi_thread")]
async fn row_31_a_master_dies_and_then_the_replica_that_took_over() {
    let mut row =
        Row::new(31, "of a master with two replicas it dies, then the one that took over");
    let rig = Rig::open().await;
    let shard = victim(&rig).await;
    let seen = Mutex::new([Duration::ZERO; 2]);
    rig.during(&mut row, MINUTE, async {
        sleep(Duration::from_secs(10)).await;
        *seen.lock().unwrap() = Box::pin(die_twice(&rig, shard)).await;
    })
    .await;
    let [first, second] = seen.into_inner().unwrap();
    row.within("its slots answer again", AWAY, first);
    row.within("and after the second death", AWAY, second);
    rig.answered(row, 1.0);
}
