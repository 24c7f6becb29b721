//! What the servers of a Redis Cluster hold.
//!
//! Hashes spread evenly over the slots. Orders do not: each of their parts is in one slot, all of it,
//! and so on one master; which one, is in the name. So masters differ, and the fullest decides.

use kudos_redis::{SLOTS, slot_of};
use serde::Serialize;

use super::figures::{ORDER_MEMBER, REDIS_HASH, REDIS_LIKE, REDIS_ORDERS};
use super::inputs::Inputs;

/// The most parts that the orders have (`redis.shards`).
pub(super) const MOST_PARTS: usize = 256;
/// The most masters: with their replicas about as many nodes as Redis Cluster was made for.
pub(super) const MOST_MASTERS: usize = 1_000;
/// Fewer have no majority once one is dead.
const FEWEST_MASTERS: u64 = 3;

/// A cluster of Redis under the load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct RedisPlan {
    pub(super) masters: u64,
    pub(super) replicas: u64,
    /// Why there are so many masters.
    pub(super) because: &'static str,
    /// Parts of the orders, `redis.shards`.
    pub(super) parts: u64,
    /// Bytes of all posts in one copy.
    pub(super) bytes: u64,
    /// Posts whose hashes one master has.
    pub(super) posts_per_master: u64,
    /// Bytes on the master with the most, and how many parts of the orders it has.
    pub(super) fullest: u64,
    pub(super) fullest_parts: u64,
    /// Bytes on a master if the orders spread evenly.
    pub(super) average: u64,
    /// Bytes that posts may take on one master.
    pub(super) room: u64,
    /// The share of a core that a master's part of the load takes, in percent.
    pub(super) core_percent: u64,
    /// Likes a second that the masters take with their cores as busy as they may be.
    pub(super) likes_per_second: u64,
    /// Posts that fit if the fullest master is as full as it may be.
    pub(super) posts_that_fit: u64,
    /// One order by reactions of all posts, in one part.
    pub(super) one_order: u64,
    /// The most members of one order that one server's whole memory holds.
    pub(super) one_order_holds: u64,
    pub(super) fits_memory: bool,
    pub(super) fits_cores: bool,
}

impl RedisPlan {
    pub(super) fn of(inputs: &Inputs) -> Self {
        let room = share(inputs.node_memory, inputs.memory_share);
        let (masters, because) = match inputs.redis_masters {
            Some(masters) => (masters, "as given"),
            None => enough(inputs, room),
        };
        let (parts, fullest_parts) = parts(inputs, masters, room);
        let fullest = bytes_with(inputs, masters, parts, fullest_parts);
        let bytes = inputs.posts.saturating_mul(REDIS_HASH.value + REDIS_ORDERS.value);
        let a_second = inputs.core_share as f64 / 100.0 / REDIS_LIKE.seconds();
        let likes = inputs.likes_per_second as f64;
        let core = likes / masters as f64 * REDIS_LIKE.seconds() * 100.0;
        Self {
            masters,
            replicas: inputs.redis_replicas,
            because,
            parts,
            bytes,
            posts_per_master: inputs.posts.div_ceil(masters),
            fullest,
            fullest_parts,
            average: bytes.div_ceil(masters),
            room,
            core_percent: core.ceil() as u64,
            likes_per_second: (a_second * masters as f64) as u64,
            posts_that_fit: (inputs.posts as f64 * room as f64 / fullest.max(1) as f64) as u64,
            one_order: inputs.posts.saturating_mul(ORDER_MEMBER.value),
            one_order_holds: inputs.node_memory / ORDER_MEMBER.value,
            fits_memory: fullest <= room,
            fits_cores: core <= inputs.core_share as f64,
        }
    }

    /// Masters and replicas.
    pub(super) fn nodes(&self) -> u64 {
        self.masters * (1 + self.replicas)
    }

    /// How many nodes may die at once, whichever they are: a shard has to keep one, and a majority of
    /// the masters has to be there to say who takes over.
    pub(super) fn survives(&self) -> u64 {
        self.replicas.min((self.masters - 1) / 2)
    }
}

pub(super) fn share(whole: u64, percent: u64) -> u64 {
    (u128::from(whole) * u128::from(percent) / 100).try_into().unwrap_or(u64::MAX)
}

/// The fewest masters that have the cores and the memory, or the most there may be.
fn enough(inputs: &Inputs, room: u64) -> (u64, &'static str) {
    let most = MOST_MASTERS as u64;
    let busy = inputs.likes_per_second as f64 * REDIS_LIKE.seconds();
    let by_cores = (busy / (inputs.core_share as f64 / 100.0)).ceil() as u64;
    let least = by_cores.clamp(FEWEST_MASTERS, most);
    let fits = |&masters: &u64| {
        let (parts, on_fullest) = parts(inputs, masters, room);
        bytes_with(inputs, masters, parts, on_fullest) <= room
    };
    match (least..=most).find(fits) {
        None => (most, "the most there may be"),
        Some(masters) if masters > least => (masters, "memory"),
        Some(masters) if by_cores < FEWEST_MASTERS => (masters, "a majority"),
        Some(masters) => (masters, "one core each"),
    }
}

/// How many parts the orders have, and how many of them the fullest master has: the fewest parts that
/// leave it room, or else those that leave it the most.
fn parts(inputs: &Inputs, masters: u64, room: u64) -> (u64, u64) {
    let given = |parts: u64| inputs.redis_shards.is_none_or(|given| given == parts);
    let all = on_fullest(masters).into_iter().filter(|(parts, _)| given(*parts));
    let with = |&(parts, on_fullest): &(u64, u64)| bytes_with(inputs, masters, parts, on_fullest);
    let all: Vec<_> = all.collect();
    let first = all.iter().find(|choice| with(choice) <= room);
    let least = || all.iter().min_by_key(|choice| with(choice));
    first.or_else(least).copied().unwrap_or((1, 1))
}

/// For each number of parts, how many the master with the most of them has. Masters have equal ranges
/// of slots, as `redis-cli --cluster create` deals them.
fn on_fullest(masters: u64) -> Vec<(u64, u64)> {
    let mut on = vec![0_u64; usize::try_from(masters).unwrap_or(MOST_MASTERS)];
    let mut most = 0;
    let parts = 1..=MOST_PARTS as u64;
    parts
        .map(|parts| {
            // The names of the first parts stay when there are more.
            let slot = u64::from(slot_of(&format!("posts:by_reactions:{{{}}}", parts - 1)));
            if let Some(count) = on.get_mut((slot * masters / u64::from(SLOTS)) as usize) {
                *count += 1;
                most = most.max(*count);
            }
            (parts, most)
        })
        .collect()
}

/// Bytes on a master that has its share of the hashes, and so many parts of the orders.
fn bytes_with(inputs: &Inputs, masters: u64, parts: u64, its_parts: u64) -> u64 {
    let posts = inputs.posts as f64;
    let hashes = posts / masters as f64 * REDIS_HASH.value as f64;
    let orders = posts * its_parts as f64 / parts as f64 * REDIS_ORDERS.value as f64;
    (hashes + orders).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_master_has_at_least_an_even_share_of_the_parts() {
        for masters in [3, 25, 200] {
            let fullest = on_fullest(masters);
            assert_eq!(fullest.len(), MOST_PARTS);
            assert_eq!(fullest[0], (1, 1));
            for (parts, most) in fullest {
                assert!(
                    most >= parts.div_ceil(masters) && most <= parts,
                    "{masters} {parts} {most}"
                );
            }
        }
    }

    #[test]
    fn shares_do_not_overflow() {
        assert_eq!(share(u64::MAX, 100), u64::MAX);
        assert_eq!(share(200, 50), 100);
    }
}
