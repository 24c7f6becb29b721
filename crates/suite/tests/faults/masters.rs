//! Masters of Redis die, hang, cannot be reached, and lose what they held.

use std::sync::Mutex;
use std::time::Duration;

use kudos_core::PostId;
use kudos_core::ports::LiveCounts;
use tokio::time::{Instant, sleep};

use crate::net::{Cut, Peer, list};
use crate::nodes::{self, Broken};
use crate::report::Row;
use crate::rig::{MINUTE, Odd, Rig};
use crate::support::{Launch, eventually};
use kudos_testkit::checker::Workload;

pub(crate) const REDIS: &[&str] = &["up", "redis"];
/// What a projector says of a loss that it makes up for from the log.
const BEHIND: &str = "is told what may be lost";
/// And of one for which it needs the truth.
const EMPTIED: &str = "has lost what it held";
/// The group of a writer on the wrong side of a partition.
const CUT_OFF: u32 = 7_400;

/// A master, and its replica.
pub(crate) struct Shard {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) replica: String,
}

/// A master that has no order, as far as there are several.
pub(crate) async fn victim(rig: &Rig) -> Shard {
    let live = rig.world.redis();
    let topology = live.discover().await.expect("Redis answers");
    let [_, popular, times] = live.keys_of(&rig.workload.post(0));
    let master = |key: &str| topology.shard_of(kudos_redis::slot_of(key)).unwrap().master.clone();
    let orders = [master(&popular), master(&times)];
    let shards = topology.shards();
    let shard = shards.iter().find(|shard| !orders.contains(&shard.master)).unwrap_or(&shards[0]);
    let (address, replica) = (shard.master.clone(), shard.replicas[0].clone());
    Shard { name: nodes::at(&address), address, replica }
}

impl Shard {
    fn peer(&self) -> Peer {
        Peer::of(&self.name, &self.address)
    }

    pub(crate) async fn tell(&self, words: &[&str]) {
        let mut connection = nodes::connect(&self.address).await.expect("Redis answers");
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async::<redis::Value>(&mut connection).await.expect("Redis answers");
    }

    /// Its replica hears no more of it; nothing else is cut.
    async fn cut_replication(&self) -> Cut {
        let replica = Peer::of(&nodes::at(&self.replica), &self.replica);
        let port = self.peer().port;
        let cut = Cut::packets(&[format!("-m owner --gid-owner {} --dport {port}", replica.group)]);
        self.tell(&["CLIENT", "KILL", "TYPE", "replica"]).await;
        cut
    }
}

/// How long it takes until Redis takes the state of every post again.
pub(crate) async fn back(rig: &Rig, since: Instant) -> Duration {
    let live = rig.world.redis();
    let posts: Vec<_> = (0..rig.workload.posts).map(|i| rig.workload.post(i)).collect();
    let truth = rig.truth(&posts).await;
    eventually("Redis takes every post", MINUTE, async || {
        live.merge(&truth).await.ok().map(|()| since.elapsed())
    })
    .await
}

/// Asks the other masters for a post again and again, until it is dropped; how long each took.
async fn ask_others(rig: &Rig, victim: &Shard, took: &Mutex<Vec<Duration>>) {
    let live = rig.world.redis();
    let topology = live.discover().await.expect("Redis answers");
    let elsewhere = |post: &PostId| {
        let [hash, ..] = live.keys_of(post);
        let shard = topology.shard_of(kudos_redis::slot_of(&hash));
        shard.is_some_and(|shard| shard.master != victim.address)
    };
    let posts = (0..rig.workload.posts).map(|i| rig.workload.post(i)).filter(elsewhere);
    for post in posts.collect::<Vec<_>>().iter().cycle() {
        let asked = Instant::now();
        let answer = live.entries(std::slice::from_ref(post)).await;
        took.lock().unwrap().push(if answer.is_ok() { asked.elapsed() } else { MINUTE });
        sleep(Duration::from_millis(20)).await;
    }
}

fn p99(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took.get(took.len().saturating_sub(1) * 99 / 100).copied().unwrap_or(MINUTE)
}

/// A master is broken during the workload, and mended when its slots have answered again for a while.
async fn one_master<B>(
    number: u8,
    fault: &'static str,
    limit: Duration,
    break_it: impl AsyncFnOnce(&Shard) -> B,
    mend: impl AsyncFnOnce(B),
) {
    let (rig, mut row) = (Rig::open().await, Row::new(number, fault));
    let victim = victim(&rig).await;
    let (away, others) = (Mutex::new(Duration::ZERO), Mutex::new(Vec::new()));
    let healthy = Mutex::new(Vec::new());
    rig.during(&mut row, MINUTE, async {
        tokio::select! {
            () = sleep(Duration::from_secs(15)) => {}
            () = ask_others(&rig, &victim, &healthy) => {}
        }
        let (broken, since) = (break_it(&victim).await, Instant::now());
        let back = async {
            *away.lock().unwrap() = back(&rig, since).await;
            sleep(Duration::from_secs(10)).await;
        };
        tokio::select! {
            () = back => {}
            () = ask_others(&rig, &victim, &others) => {}
        }
        mend(broken).await;
    })
    .await;
    row.within("its slots answer again", limit, away.into_inner().unwrap());
    let [healthy, others] = [healthy, others].map(|took| p99(took.into_inner().unwrap()));
    // Where so many processes share so few cores, everything waits for them now and then; longer if
    // nothing is optimised.
    let times = if cfg!(debug_assertions) { 4 } else { 2 };
    row.must(
        &format!("p99 of other shards ≤ 50 ms, or {times} times that before"),
        format!("{others:.1?}, before {healthy:.1?}"),
        others <= Duration::from_millis(50).max(healthy * times),
    );
    rig.answered(row, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_04_replies_of_redis_are_lost() {
    let (rig, mut row) = (Rig::open().await, Row::new(4, "10 % of Redis' packets to clients lost"));
    let ports = list(nodes::peers("redis").into_iter().map(|peer| peer.port));
    rig.during(&mut row, MINUTE, async {
        sleep(Duration::from_secs(5)).await;
        let chance = "-m statistic --mode random --probability 0.1";
        let cut = Cut::packets(&[format!("-m multiport --sports {ports} {chance}")]);
        sleep(Duration::from_secs(30)).await;
        cut.heal();
    })
    .await;
    rig.went_on(row);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_05_one_master_is_killed() {
    let kill = async |shard: &Shard| Broken::by("KILL", vec![shard.name.clone()], REDIS).await;
    one_master(5, "one Redis master killed", Duration::from_secs(8), kill, Broken::mend).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_06_one_master_is_stopped() {
    let stop = async |shard: &Shard| Broken::by("STOP", vec![shard.name.clone()], REDIS).await;
    one_master(6, "one Redis master stopped", Duration::from_secs(10), stop, Broken::mend).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_07_one_master_cannot_be_reached() {
    let cut = async |shard: &Shard| {
        let ports = list(shard.peer().ports());
        let group = shard.peer().group;
        Cut::packets(&[
            format!("-m multiport --dports {ports}"),
            format!("-m owner --gid-owner {group}"),
        ])
    };
    let heal = async |cut: Cut| cut.heal();
    one_master(7, "packets to one master dropped", Duration::from_secs(10), cut, heal).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_08_a_master_dies_that_had_no_replication() {
    let mut row = Row::new(8, "replication cut, then that master killed");
    let rig = Rig::open().await;
    let victim = victim(&rig).await;
    let noticed = Mutex::new(Duration::ZERO);
    rig.during(&mut row, MINUTE, async {
        sleep(Duration::from_secs(15)).await;
        let cut = victim.cut_replication().await;
        sleep(Duration::from_secs(5)).await;
        let broken = Broken::by("KILL", vec![victim.name.clone()], REDIS).await;
        let before = rig.projectors_said(BEHIND).await;
        // Nobody can tell what is lost before there is somebody who has not got it.
        back(&rig, Instant::now()).await;
        *noticed.lock().unwrap() = rig.until_projectors_say(BEHIND, before).await;
        cut.heal();
        broken.mend().await;
    })
    .await;
    row.within("noticed", Duration::from_secs(5), noticed.into_inner().unwrap());
    rig.went_on(row);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_09_a_minority_is_partitioned_away_with_a_writer() {
    let mut row = Row::new(9, "a Redis master and a writer partitioned away for 20 s");
    let launch = Launch { group: Some(CUT_OFF), ..Launch::default() };
    let odd = Odd { launch, ..Odd::default() };
    let rig = Rig::with([Odd::default(), odd], Workload::default()).await;
    let victim = victim(&rig).await;
    let [there, others] = {
        let (there, others): (Vec<_>, Vec<_>) =
            nodes::peers("redis").into_iter().partition(|peer| *peer == victim.peer());
        [there, others].map(|peers| list(peers.into_iter().flat_map(Peer::ports)))
    };
    rig.during(&mut row, MINUTE, async {
        sleep(Duration::from_secs(10)).await;
        let inside = [victim.peer().group, CUT_OFF];
        let mut rules: Vec<_> = inside
            .map(|group| format!("-m owner --gid-owner {group} -m multiport --dports {others}"))
            .into();
        // The writers and services of this side have the group of whoever runs the tests.
        let outside = nodes::peers("redis").into_iter().map(|peer| peer.group);
        let outside = outside.filter(|group| *group != victim.peer().group).chain([0]);
        rules
            .extend(outside.map(|group| {
                format!("-m owner --gid-owner {group} -m multiport --dports {there}")
            }));
        let cut = Cut::packets(&rules);
        sleep(Duration::from_secs(20)).await;
        cut.heal();
    })
    .await;
    rig.went_on(row);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_11_a_master_is_flushed() {
    let (rig, mut row) = (Rig::open().await, Row::new(11, "FLUSHALL on one master"));
    let victim = victim(&rig).await;
    let noticed = Mutex::new(Duration::ZERO);
    rig.during(&mut row, MINUTE, async {
        sleep(Duration::from_secs(10)).await;
        let before = rig.projectors_said(EMPTIED).await;
        victim.tell(&["FLUSHALL"]).await;
        *noticed.lock().unwrap() = rig.until_projectors_say(EMPTIED, before).await;
    })
    .await;
    row.within("noticed", Duration::from_secs(5), noticed.into_inner().unwrap());
    rig.went_on(row);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_12_slots_are_migrated() {
    let (rig, mut row) = (Rig::open().await, Row::new(12, "600 slots migrated and back"));
    let topology = rig.world.redis().discover().await.expect("Redis answers");
    let masters: Vec<_> = topology.shards().iter().map(|shard| shard.master.clone()).collect();
    rig.during(&mut row, MINUTE, async {
        for (from, to) in [(0, 1), (1, 0)] {
            sleep(Duration::from_secs(5)).await;
            nodes::move_slots(&masters[from], &masters[to], 600).await;
        }
    })
    .await;
    rig.answered(row, 1.0);
}

/// Of the ports of the stack's own servers none.
const EXTRA: u16 = 7_090;

#[tokio::test(flavor = "multi_thread")]
async fn row_30_a_master_is_added_and_removed() {
    let (rig, mut row) =
        (Rig::open().await, Row::new(30, "a Redis master added, and removed again"));
    let extra = nodes::Extra::start(EXTRA).await;
    let any = victim(&rig).await.address;
    let slots = async || {
        let topology = rig.world.redis().discover().await.expect("Redis answers");
        let is_there =
            |slot: &u16| topology.shard_of(*slot).is_some_and(|s| s.master == extra.address);
        (0..16_384).filter(is_there).count()
    };
    let seen = Mutex::new((0, 0));
    rig.during(&mut row, MINUTE, async {
        sleep(Duration::from_secs(5)).await;
        nodes::resize("add", &any, &extra.address).await;
        let with = slots().await;
        sleep(Duration::from_secs(5)).await;
        nodes::resize("remove", &any, &extra.address).await;
        *seen.lock().unwrap() = (with, slots().await);
    })
    .await;
    let (with, without) = seen.into_inner().unwrap();
    row.must("it has a fourth of the slots, then none", format!("{with}, {without}"), {
        (4_000..=4_200).contains(&with) && without == 0
    });
    rig.answered(row, 1.0);
}
