//! Nodes of each kind: as many as the processors, the disks and the copies want, whichever are more.

use serde::Serialize;

use super::figures::{
    ALL, CASSANDRA_LIKE, CASSANDRA_PROJECTED, CASSANDRA_WRITES, DAYS_ROW, ELASTIC_DOCUMENT,
    ELASTIC_PUT, Figure, KAFKA_LIKE, KAFKA_RECORD, POSTS_ROW, PROJECTOR_PUT, REACTION_ROW,
    REDIS_LIKE, ROLLUP_ROW, WRITER_LIKE,
};
use super::inputs::Inputs;
use super::redis::{RedisPlan, share};

/// Nodes that may become master of Elasticsearch: with fewer, one death leaves no majority.
const ELASTIC_NODES: u64 = 3;

/// All that is needed for a load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Plan {
    pub(super) inputs: Inputs,
    /// False if the Redis that was asked for, or the largest there is, cannot carry the load.
    pub(super) suffices: bool,
    pub(super) engines: Vec<Engine>,
    pub(super) redis: RedisPlan,
    /// Bytes a second that Cassandra writes, all nodes together.
    pub(super) cassandra_writes: u64,
    /// Bytes a second that Kafka writes, all nodes together.
    pub(super) kafka_writes: u64,
    pub(super) rebuild: Rebuild,
    pub(super) figures: &'static [Figure],
}

/// One kind of node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Engine {
    pub(super) name: &'static str,
    pub(super) nodes: u64,
    /// What wants so many.
    pub(super) because: &'static str,
    /// Cores at work.
    pub(super) cores: u64,
    /// Bytes of one copy, and of all of them.
    pub(super) bytes: u64,
    pub(super) all_bytes: u64,
    /// Any so many nodes may die at once, and it goes on without losing what was acknowledged.
    pub(super) survives: u64,
}

/// How long it takes until Redis is full again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Rebuild {
    /// As given. There is no measured one.
    pub(super) posts_per_second: Option<u64>,
    pub(super) all_seconds: Option<u64>,
    /// One master with all its replicas.
    pub(super) one_shard_seconds: Option<u64>,
}

impl Plan {
    pub(super) fn of(inputs: &Inputs) -> Self {
        let redis = RedisPlan::of(inputs);
        let likes = inputs.likes_per_second as f64;
        Self {
            suffices: redis.fits_memory && redis.fits_cores,
            engines: vec![
                stateless("reaction-write", likes * WRITER_LIKE.seconds(), inputs),
                cassandra(inputs),
                of_redis(inputs, &redis),
                kafka(inputs),
                stateless("projector", puts(inputs) * PROJECTOR_PUT.seconds(), inputs),
                elastic(inputs),
            ],
            cassandra_writes: (likes
                * commits(inputs)
                * (CASSANDRA_WRITES.value * inputs.cassandra_copies) as f64)
                as u64,
            kafka_writes: (likes * (KAFKA_RECORD.value * inputs.kafka_copies) as f64) as u64,
            rebuild: rebuild(inputs, &redis),
            redis,
            inputs: inputs.clone(),
            figures: ALL,
        }
    }
}

/// Work for the truth, of a like that shares its commit with nobody.
fn commits(inputs: &Inputs) -> f64 {
    let hot = inputs.hot_share as f64 / 100.0;
    hot / inputs.likes_per_commit as f64 + (1.0 - hot)
}

/// Puts a second: a post that is liked several times within one is put once.
fn puts(inputs: &Inputs) -> f64 {
    inputs.likes_per_second as f64 * inputs.distinct_share as f64 / 100.0
}

/// A service that keeps nothing: one more than the load takes.
fn stateless(name: &'static str, cores: f64, inputs: &Inputs) -> Engine {
    let nodes = by_cores(cores, inputs).max(1) + 1;
    let cores = cores.ceil() as u64;
    Engine {
        name,
        nodes,
        because: "processors, and one more",
        cores,
        bytes: 0,
        all_bytes: 0,
        survives: 1,
    }
}

/// A replica is taken to work as hard as the one node that was measured.
fn cassandra(inputs: &Inputs) -> Engine {
    let post = POSTS_ROW.value + DAYS_ROW.value + ROLLUP_ROW.value;
    let reactions = inputs.posts.saturating_mul(inputs.reactions_per_post);
    let bytes = inputs
        .posts
        .saturating_mul(post)
        .saturating_add(reactions.saturating_mul(REACTION_ROW.value));
    let projected = CASSANDRA_PROJECTED.seconds() - CASSANDRA_LIKE.seconds();
    let likes = inputs.likes_per_second as f64 * commits(inputs) * CASSANDRA_LIKE.seconds();
    let copies = inputs.cassandra_copies;
    let cores = (likes + puts(inputs) * projected) * copies as f64;
    // A quorum of the copies has to stay, and has every acknowledged write.
    let survives = copies - (copies / 2 + 1);
    stored("cassandra", bytes, copies, cores, copies, survives, inputs)
}

/// A record is published when all copies but one have it.
fn kafka(inputs: &Inputs) -> Engine {
    let likes = inputs.likes_per_second as f64;
    let copies = inputs.kafka_copies;
    let bytes = inputs
        .likes_per_second
        .saturating_mul(KAFKA_RECORD.value)
        .saturating_mul(inputs.kafka_hours.saturating_mul(3_600));
    let cores = likes * KAFKA_LIKE.seconds() * copies as f64;
    stored("kafka", bytes, copies, cores, copies, u64::from(copies > 1), inputs)
}

fn elastic(inputs: &Inputs) -> Engine {
    let copies = inputs.elastic_copies;
    let bytes = inputs.posts.saturating_mul(ELASTIC_DOCUMENT.value);
    let cores = puts(inputs) * ELASTIC_PUT.seconds() * copies as f64;
    let least = copies.max(ELASTIC_NODES);
    let mut engine = stored("elasticsearch", bytes, copies, cores, least, 0, inputs);
    engine.survives = (copies - 1).min((engine.nodes.min(ELASTIC_NODES) - 1) / 2);
    engine
}

fn of_redis(inputs: &Inputs, redis: &RedisPlan) -> Engine {
    let work = inputs.likes_per_second as f64 * REDIS_LIKE.seconds();
    Engine {
        name: "redis",
        nodes: redis.nodes(),
        because: redis.because,
        cores: work.ceil() as u64,
        bytes: redis.bytes,
        all_bytes: redis.bytes.saturating_mul(1 + redis.replicas),
        survives: redis.survives(),
    }
}

fn stored(
    name: &'static str,
    bytes: u64,
    copies: u64,
    cores: f64,
    least: u64,
    survives: u64,
    inputs: &Inputs,
) -> Engine {
    let all_bytes = bytes.saturating_mul(copies);
    let by_disk = all_bytes.div_ceil(share(inputs.node_disk, inputs.disk_share).max(1));
    let wanted = [(by_cores(cores, inputs), "processors"), (by_disk, "disks"), (least, "copies")];
    // Of equal ones the last, which is the least that can be changed.
    let (nodes, because) =
        wanted.into_iter().max_by_key(|(nodes, _)| *nodes).unwrap_or((least, ""));
    Engine { name, nodes, because, cores: cores.ceil() as u64, bytes, all_bytes, survives }
}

fn by_cores(cores: f64, inputs: &Inputs) -> u64 {
    let busy = inputs.node_cores as f64 * inputs.core_share as f64 / 100.0;
    (cores / busy).ceil() as u64
}

fn rebuild(inputs: &Inputs, redis: &RedisPlan) -> Rebuild {
    let seconds = |posts: u64| inputs.rebuild_rate.map(|rate| posts.div_ceil(rate));
    Rebuild {
        posts_per_second: inputs.rebuild_rate,
        all_seconds: seconds(inputs.posts),
        one_shard_seconds: seconds(redis.posts_per_master),
    }
}
