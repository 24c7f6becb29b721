//! All of Redis dies at once, and starts again with what it has on disk, or with nothing.

use std::sync::Mutex;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use crate::masters::REDIS;
use crate::nodes::{self, Broken, all_of, connect, forget};
use crate::report::Row;
use crate::rig::{MINUTE, Rig};
use crate::support::eventually;

/// How long the workload goes on with what is kept, and before the servers die.
const BEFORE: Duration = Duration::from_secs(20);
/// How long the time is written into each master before and after a snapshot.
const MARKING: Duration = Duration::from_secs(5);
/// A server syncs its append-only file each second.
const SYNCED: Duration = Duration::from_secs(1);

/// A key of one master, into which the time is written to see later what the master still has.
struct Mark {
    master: String,
    key: String,
}

/// One for each master.
async fn marks(rig: &Rig) -> Vec<Mark> {
    let topology = rig.world.redis().discover().await.expect("Redis answers");
    let key_of = |master: &String| {
        let mut keys = (0..).map(|n| format!("mark-of-a-test:{n}"));
        let is_there = |key: &String| {
            let shard = topology.shard_of(kudos_redis::slot_of(key));
            shard.is_some_and(|shard| shard.master == *master)
        };
        Mark { master: master.clone(), key: keys.find(is_there).expect("a key of each master") }
    };
    topology.shards().iter().map(|shard| key_of(&shard.master)).collect()
}

impl Mark {
    /// Writes again and again how long it is `since`, until the master is gone; the last that it
    /// said it had.
    async fn write(&self, since: Instant) -> Duration {
        let mut connection = connect(&self.master).await.expect("Redis answers");
        let mut last = Duration::ZERO;
        loop {
            let now = since.elapsed();
            let mut set = redis::cmd("SET");
            set.arg(&self.key).arg(u64::try_from(now.as_millis()).unwrap());
            match timeout(SYNCED, set.query_async::<()>(&mut connection)).await {
                Ok(Ok(())) => last = now,
                _ => return last,
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// What whoever has the key's slot now says was written last.
    async fn read(&self, servers: &[String]) -> Duration {
        let told = eventually("the key is told", MINUTE, async || {
            for server in servers {
                let Ok(mut connection) = connect(server).await else { continue };
                let mut get = redis::cmd("GET");
                let told = get.arg(&self.key).query_async::<Option<u64>>(&mut connection).await;
                // The others say who has it, or that they are loading.
                if let Ok(told) = told {
                    return Some(told);
                }
            }
            None
        });
        Duration::from_millis(told.await.unwrap_or(0))
    }
}

/// Has every master write a snapshot.
async fn snapshot(marks: &[Mark]) {
    for Mark { master, .. } in marks {
        let mut connection = connect(master).await.expect("Redis answers");
        // One that writes one already writes another behind it.
        let save = redis::cmd("BGSAVE").arg("SCHEDULE").to_owned();
        save.query_async::<redis::Value>(&mut connection).await.expect("Redis answers");
        eventually("a snapshot", MINUTE, async || {
            let mut connection = connect(master).await.ok()?;
            let info = redis::cmd("INFO").arg("persistence").to_owned();
            let info: String = info.query_async(&mut connection).await.ok()?;
            let is_done = |line: &str| info.lines().any(|found| found == line);
            (is_done("rdb_bgsave_in_progress:0") && is_done("rdb_last_bgsave_status:ok"))
                .then_some(())
        })
        .await;
    }
}

/// What servers still have when they start again.
#[derive(Clone, Copy, PartialEq)]
enum Kept {
    /// All but what came since the append-only file was synced.
    Appended,
    /// What was there when the last snapshot was written.
    Snapshot,
    Nothing,
}

/// What was seen of a restart.
#[derive(Default)]
struct Seen {
    /// From the last write that a master still has to the last that it took, where that is longest.
    lacks: Duration,
    /// From the snapshot to the death.
    unsaved: Duration,
    /// From the death until all servers answer again.
    started: Duration,
    /// And until users see live counts again.
    live: Duration,
}

async fn restart(mut row: Row, kept: Kept) {
    let rig = Rig::open().await;
    let marks = marks(&rig).await;
    let seen = Mutex::new(Seen::default());
    rig.during(&mut row, MINUTE, async {
        sleep(BEFORE).await;
        let since = Instant::now();
        let written = join_all(marks.iter().map(|mark| mark.write(since)));
        let (servers, death) = (all_of("redis"), async {
            sleep(MARKING).await;
            let saved = since.elapsed();
            if kept == Kept::Snapshot {
                snapshot(&marks).await;
            }
            sleep(MARKING).await;
            let broken = Broken::by("KILL", all_of("redis"), REDIS).await;
            (broken, saved, Instant::now())
        });
        let (written, (broken, saved, died)) = futures::join!(written, death);
        let addresses: Vec<_> = servers.iter().map(|server| nodes::address_of(server)).collect();
        if kept == Kept::Nothing {
            forget(&servers);
        }
        broken.mend().await;
        let started = died.elapsed();
        let live = eventually("the popular page is live again", 2 * MINUTE, async || {
            rig.is_live().await.then(|| died.elapsed())
        })
        .await;
        let read = join_all(marks.iter().map(|mark| mark.read(&addresses))).await;
        let lacks = written.iter().zip(&read).map(|(written, read)| written.saturating_sub(*read));
        let lacks = lacks.max().expect("a master");
        *seen.lock().unwrap() = Seen { lacks, unsaved: died - since - saved, started, live };
    })
    .await;
    let Seen { lacks, unsaved, started, live } = seen.into_inner().unwrap();
    match kept {
        Kept::Appended => row.within("a master lacks writes of", SYNCED, lacks),
        Kept::Snapshot => row.must(
            "a master lacks no writes from before its snapshot",
            format!("those of {lacks:.1?}; the snapshot began {unsaved:.1?} before the death"),
            lacks <= unsaved,
        ),
        Kept::Nothing => {
            let all = lacks >= 2 * MARKING;
            row.must("a master lacks all writes", format!("those of {lacks:.1?}"), all);
        }
    }
    row.within("all servers answer again", MINUTE, started);
    row.within("the popular page is live again", MINUTE, live);
    rig.went_on(row);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_27_all_of_redis_is_killed_and_starts_from_its_files() {
    let (fault, kept) = match std::env::var("PERSISTENCE").as_deref() {
        Ok("rdb") => ("all of Redis killed, started from snapshots", Kept::Snapshot),
        Ok("aof") => ("all of Redis killed, started from append-only files", Kept::Appended),
        _ => ("all of Redis killed, started from append-only files and snapshots", Kept::Appended),
    };
    restart(Row::new(27, fault), kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_28_all_of_redis_is_killed_and_starts_empty() {
    restart(Row::new(28, "all of Redis killed, started with nothing"), Kept::Nothing).await;
}
