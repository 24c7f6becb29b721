//! Marks by which a master's lost writes are noticed: a failover to a replica that was behind, a
//! flush, a restart from an old snapshot. A mark that is still there tells nothing of what came after
//! it: so a master that is another process than before has lost something too.
//!
//! The slots are cut into [`PARTS`] groups of 64, each of which has a mark in its first slot,
//! whoever serves it. A master that has lost writes has lost them in all of its slots, so a group's
//! loss reaches as far as its master does. One that serves the first slot of no group is not
//! watched; with the slots spread evenly there is none up to 128 masters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use kudos_core::ports::{Believed, Exchange, Found, Mark, Marks, Reach};
use kudos_core::{Millis, PortError, PostId};

use crate::failure::{Cause, Failure};
use crate::keys::Keys;
use crate::library::Function;
use crate::live::RedisLive;
use crate::router::{Asks, Job};
use crate::slot::{SLOTS, slot_of};
use crate::topology::Topology;

const PARTS: u16 = 256;
const WIDTH: u16 = SLOTS / PARTS;

/// By group a number whose slot, as a hash tag, is the group's first.
static TAGS: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut tags = vec![None; usize::from(PARTS)];
    let mut missing = tags.len();
    for number in 0_u32.. {
        let slot = slot_of(&number.to_string());
        let tag = &mut tags[usize::from(slot / WIDTH)];
        if slot.is_multiple_of(WIDTH) && tag.is_none() {
            *tag = Some(number);
            missing -= 1;
        }
        if missing == 0 {
            break;
        }
    }
    tags.into_iter().flatten().collect()
});

/// The first slot of a group.
fn slot_of_part(part: usize) -> u16 {
    u16::try_from(part).unwrap_or(0).saturating_mul(WIDTH)
}

fn tag(part: usize) -> u32 {
    TAGS.get(part).copied().unwrap_or_default()
}

#[async_trait]
impl Marks for RedisLive {
    fn parts(&self) -> usize {
        usize::from(PARTS)
    }

    async fn exchange(&self, exchanges: &[Exchange]) -> Vec<Result<Found, PortError>> {
        let deadline = self.deadline();
        let topology = match self.cluster.topology(deadline).await {
            Ok(topology) => topology,
            Err(failure) => {
                let failed = |_: &Exchange| Err(PortError::from(failure.clone()));
                return exchanges.iter().map(failed).collect();
            }
        };
        // With the marks of each server, its name is asked for.
        let mut servers: BTreeMap<&str, u16> = BTreeMap::new();
        let mut server_of = |exchange: &Exchange| {
            let slot = slot_of_part(exchange.part);
            let server = topology.shard_of(slot)?.master.as_str();
            servers.entry(server).or_insert(slot);
            Some(server)
        };
        let placed: Vec<_> = exchanges.iter().map(&mut server_of).collect();
        let marks = exchanges.iter().map(|exchange| self.mark_job(exchange));
        let info = |&slot: &u16| {
            let mut info = redis::cmd("INFO");
            info.arg("server");
            Job::of_server(slot, info)
        };
        let jobs: Vec<_> = marks.chain(servers.values().map(info)).collect();
        let mut answers = self.cluster.run(&jobs, Asks::Master, deadline).await;
        let infos = answers.split_off(exchanges.len());
        let holders: BTreeMap<_, _> =
            servers.into_keys().zip(infos.into_iter().map(|info| holder(info?))).collect();
        let found = |(answer, server): (Result<_, Failure>, Option<&str>)| {
            let mark = mark_found(answer?)?;
            let holder = server.and_then(|server| holders.get(server)).cloned();
            Ok(Found { mark, holder: holder.unwrap_or(Err(unreadable()))? })
        };
        answers.into_iter().zip(placed).map(found).collect()
    }

    fn reach(&self, parts: &BTreeSet<usize>) -> Reach {
        let Some(topology) = self.topology() else { return Arc::new(|_| true) };
        let (slots, keys) = (reached(parts, &topology), self.keys.clone());
        Arc::new(move |post| slots_of(&keys, post).into_iter().any(|slot| slots[usize::from(slot)]))
    }
}

impl RedisLive {
    fn mark_job(&self, exchange: &Exchange) -> Job {
        let believed = match exchange.believed {
            Believed::Unknown => "?".to_owned(),
            Believed::Absent => String::new(),
            Believed::Mark(mark) => text(mark),
        };
        let key = self.keys.mark(tag(exchange.part));
        Job::call(Function::Mark, vec![key], vec![believed, text(exchange.new)])
    }
}

/// Where a post's hash and its places in the orders are.
fn slots_of(keys: &Keys, post: &PostId) -> [u16; 3] {
    let shard = keys.shard(post);
    [keys.hash(post).slot, keys.popular(shard).slot, keys.times(shard).slot]
}

/// Of each slot whether it is in one of the groups, or served by who serves one of their marks.
fn reached(parts: &BTreeSet<usize>, topology: &Topology) -> Vec<bool> {
    let mut reached = vec![false; usize::from(SLOTS)];
    for first in parts.iter().map(|&part| slot_of_part(part)) {
        let served = topology.shard_of(first).map(|shard| shard.slots.clone());
        for (first, last) in
            served.unwrap_or_default().into_iter().chain([(first, first + WIDTH - 1)])
        {
            let range = reached.get_mut(usize::from(first)..=usize::from(last));
            range.into_iter().for_each(|slots| slots.fill(true));
        }
    }
    reached
}

fn text(Mark { at, sure }: Mark) -> String {
    let sure = sure.map_or_else(|| "-".to_owned(), |sure| sure.0.to_string());
    format!("{}:{sure}", at.0)
}

fn mark_of(text: &str) -> Option<Mark> {
    let (at, sure) = text.split_once(':')?;
    let sure = if sure == "-" { None } else { Some(Millis(sure.parse().ok()?)) };
    Some(Mark { at: Millis(at.parse().ok()?), sure })
}

fn mark_found(reply: redis::Value) -> Result<Option<Mark>, Failure> {
    let text: Option<String> = redis::from_redis_value(reply).map_err(|_| unreadable())?;
    text.map(|text| mark_of(&text).ok_or_else(unreadable)).transpose()
}

/// A server names itself anew at each start.
fn holder(info: redis::Value) -> Result<Arc<str>, Failure> {
    let info: String = redis::from_redis_value(info).map_err(|_| unreadable())?;
    let name = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    name.map(Arc::from).ok_or_else(unreadable)
}

fn unreadable() -> Failure {
    Failure::general(Cause::Unreadable)
}

#[cfg(test)]
mod tests {
    use crate::settings::RedisSettings;

    use super::*;

    #[test]
    fn each_group_has_a_mark_in_its_first_slot() {
        let keys = Keys::new(&RedisSettings { prefix: "eu:".into(), ..RedisSettings::default() });
        for part in 0..usize::from(PARTS) {
            let key = keys.mark(tag(part));
            assert_eq!(usize::from(key.slot), part * usize::from(WIDTH), "{}", key.name);
        }
    }

    #[test]
    fn marks_read_back_as_written() {
        for sure in [None, Some(Millis(0)), Some(Millis(7))] {
            let mark = Mark { at: Millis(1_750_000_000_000), sure };
            assert_eq!(mark_of(&text(mark)), Some(mark));
        }
        for text in ["", ":", "1", "1:x", "x:1", "-:-", "1:2:3"] {
            assert_eq!(mark_of(text), None, "{text}");
        }
    }
}
