//! Redis as whoever compares it with the truth sees it. Reads are of masters, and one that fails is
//! an error: elsewhere a hash that cannot be read is as good as none, here it is not.

mod hashes;
mod ranks;

use std::sync::Arc;

use kudos_core::PortError;
use redis::{Cmd, Value};

use crate::failure::{Cause, Failure, summary};
use crate::live::RedisLive;
use crate::router::{Asks, Job};

/// Commands that go out together, within one deadline.
const BATCH: usize = 512;

/// The hashes of counts.
pub struct RedisHashes(pub Arc<RedisLive>);

/// The orders: by reactions, by time, and those of windows.
pub struct RedisRanks(pub Arc<RedisLive>);

impl RedisLive {
    /// Sends commands to masters. All of them are answered, or it is an error.
    async fn all(&self, jobs: &[Job]) -> Result<Vec<Value>, PortError> {
        let mut replies = Vec::with_capacity(jobs.len());
        for batch in jobs.chunks(BATCH) {
            let answers = self.cluster.run(batch, Asks::Master, self.deadline()).await;
            let mut failures = Vec::new();
            for answer in answers {
                match answer {
                    Ok(reply) => replies.push(reply),
                    Err(failure) => failures.push(failure),
                }
            }
            summary(failures)?;
        }
        Ok(replies)
    }

    /// One step of a SCAN or a ZSCAN: the next cursor, and what was found.
    async fn step(&self, job: Job) -> Result<(u64, Vec<String>), PortError> {
        let reply = self.cluster.run_one(job, Asks::Master, self.deadline()).await?;
        // The cursor comes as text.
        let read: Result<(String, Vec<Value>), _> = redis::from_redis_value(reply);
        let unreadable = || PortError::from(Failure::general(Cause::Unreadable));
        let (cursor, found) = read.map_err(|_| unreadable())?;
        // What is not text is not ours.
        let found = found.into_iter().filter_map(|value| redis::from_redis_value(value).ok());
        Ok((cursor.parse().map_err(|_| unreadable())?, found.collect()))
    }

    /// A slot of each master, by which it is asked about all that it holds.
    async fn masters_by_slot(&self) -> Result<Vec<u16>, PortError> {
        let topology = self.cluster.topology(self.deadline()).await?;
        if topology.covered() < usize::from(crate::SLOTS) {
            let why = "some slots are served by nobody: not all can be looked through";
            return Err(PortError::Unavailable(why.to_owned()));
        }
        let slots = topology.shards().iter().filter_map(|shard| Some(shard.slots.first()?.0));
        Ok(slots.collect())
    }
}

/// SCAN of the keys that match.
fn scan(slot: u16, cursor: u64, pattern: &str, limit: usize) -> Job {
    let mut cmd = Cmd::new();
    cmd.arg("SCAN").arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(limit);
    Job::of_server(slot, cmd)
}
