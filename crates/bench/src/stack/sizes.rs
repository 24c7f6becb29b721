//! Bytes that posts and reactions take on each engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::world::{Addresses, World};
use super::{Fault, POSTS, http, within};
use crate::disk::disk_bytes;
use crate::likes::post_name;
use crate::pairs::grouped;

/// Tables of the truth and of what is beside it, and what a row of them is one of.
const TABLES: [(&str, Of); 4] = [
    ("reactions", Of::Reaction),
    ("posts", Of::Post),
    ("posts_by_day", Of::Post),
    ("reaction_counts", Of::Post),
];
/// For how long files have to stay as they are to be taken for final.
const CALM: Duration = Duration::from_secs(5);

#[derive(Clone, Copy)]
enum Of {
    Post,
    Reaction,
}

/// A table of what each engine holds of the posts and reactions of a world.
pub(crate) fn measure(at: &Addresses, world: &World) -> Result<String, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let cassandra = Cassandra { runtime: &runtime, session: &session(&runtime, at)?, at, world };
    let reactions = cassandra.reactions()?;
    let mut lines = Vec::new();
    for (table, of) in TABLES {
        let bytes = cassandra.bytes(table)?;
        lines.push(line(&format!("Cassandra, `{table}`, on disk"), bytes, of, reactions));
    }
    let [hashes, orders] = runtime.block_on(redis_bytes(at, world))?;
    lines.push(line("Redis, hashes, in memory", hashes, Of::Post, reactions));
    lines.push(line("Redis, orders and windows, in memory", orders, Of::Post, reactions));
    lines.push(line("Elasticsearch, on disk", elastic_bytes(at, world)?, Of::Post, reactions));
    Ok(format!(
        "{} posts with titles of three words and no body, {} reactions, one replica of each.\n\n\
         | where | bytes a post | bytes a reaction |\n|---|---|---|\n{}",
        grouped(POSTS as f64),
        grouped(reactions as f64),
        lines.concat()
    ))
}

fn line(place: &str, bytes: u64, of: Of, reactions: u64) -> String {
    let by = |count: u64| grouped(bytes as f64 / count as f64);
    match of {
        Of::Post => format!("| {place} | {} | |\n", by(POSTS)),
        Of::Reaction => format!("| {place} | | {} |\n", by(reactions)),
    }
}

fn session(runtime: &Runtime, at: &Addresses) -> Result<Session, Fault> {
    let session = SessionBuilder::new().known_node(&at.cassandra);
    runtime.block_on(session.build()).map_err(Fault::of)
}

struct Cassandra<'a> {
    runtime: &'a Runtime,
    session: &'a Session,
    at: &'a Addresses,
    world: &'a World,
}

impl Cassandra<'_> {
    /// By the projector's rollup, which has caught up.
    fn reactions(&self) -> Result<u64, Fault> {
        let cql = format!("SELECT total_count FROM {}.reaction_counts", self.world.name);
        let rows = self.runtime.block_on(self.session.query_unpaged(cql, ())).map_err(Fault::of)?;
        let rows = rows.into_rows_result().map_err(Fault::of)?;
        let mut sum = 0;
        for row in rows.rows::<(Option<i64>,)>().map_err(Fault::of)? {
            sum += row.map_err(Fault::of)?.0.unwrap_or(0).unsigned_abs();
        }
        Ok(sum)
    }

    /// What the files of a table occupy once all of it is in files.
    fn bytes(&self, table: &str) -> Result<u64, Fault> {
        self.flush_after(table, 1_000)?;
        let folder = self.folder(table)?;
        let (mut known, mut since) = (0, Instant::now());
        let mut bytes = 0;
        within("a table is still written to files", || {
            bytes = disk_bytes(&folder)?;
            if bytes != known {
                (known, since) = (bytes, Instant::now());
            }
            Ok(bytes > 0 && since.elapsed() > CALM)
        })?;
        self.flush_after(table, 0)?;
        Ok(bytes)
    }

    /// Has what is in memory written to files after so many milliseconds; 0 for when it is full.
    fn flush_after(&self, table: &str, millis: u64) -> Result<(), Fault> {
        let table = format!("{}.{table}", self.world.name);
        let cql = format!("ALTER TABLE {table} WITH memtable_flush_period_in_ms = {millis}");
        self.runtime.block_on(self.session.query_unpaged(cql, ())).map(drop).map_err(Fault::of)
    }

    fn folder(&self, table: &str) -> Result<PathBuf, Fault> {
        let keyspace = self.at.home.join("cassandra-1/data/data").join(&self.world.name);
        newest_with_prefix(&keyspace, &format!("{table}-"))
    }
}

/// The newest folder of that name: a keyspace that was dropped leaves folders.
fn newest_with_prefix(parent: &Path, prefix: &str) -> Result<PathBuf, Fault> {
    let mut found = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push((entry.metadata()?.created()?, entry.path()));
        }
    }
    found.sort();
    found.pop().map(|(_, path)| path).ok_or_else(|| Fault::Short(format!("no folder {prefix}*")))
}

/// Of the hashes, by a hundred of them, and of the orders of all posts.
async fn redis_bytes(at: &Addresses, world: &World) -> Result<[u64; 2], Fault> {
    const SAMPLE: u64 = 100;
    let client = redis::Client::open(format!("redis://{}", at.redis)).map_err(Fault::of)?;
    let mut redis = client.get_multiplexed_async_connection().await.map_err(Fault::of)?;
    let (mut hashes, mut orders) = (0, 0);
    for number in (0..POSTS).step_by((POSTS / SAMPLE) as usize) {
        let key = format!("{}:post:{}:reactions", world.name, post_name(number));
        hashes += memory(&mut redis, &key).await?;
    }
    // Orders alone have these words in their names; the hour windows have them in braces.
    let pattern = format!("{}:*posts:by_*", world.name);
    let mut cursor = 0_u64;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1_000);
        let (next, keys): (u64, Vec<String>) =
            scan.query_async(&mut redis).await.map_err(Fault::of)?;
        for key in keys {
            orders += memory(&mut redis, &key).await?;
        }
        if next == 0 {
            return Ok([hashes * POSTS / SAMPLE, orders]);
        }
        cursor = next;
    }
}

async fn memory(redis: &mut redis::aio::MultiplexedConnection, key: &str) -> Result<u64, Fault> {
    let mut usage = redis::cmd("MEMORY");
    usage.arg("USAGE").arg(key).arg("SAMPLES").arg(0);
    let bytes: Option<u64> = usage.query_async(redis).await.map_err(Fault::of)?;
    Ok(bytes.unwrap_or(0))
}

fn elastic_bytes(at: &Addresses, world: &World) -> Result<u64, Fault> {
    let index = format!("{}/{}", at.elastic, world.name);
    let flushed = http()?.post(format!("{index}/_flush")).send();
    flushed.and_then(reqwest::blocking::Response::error_for_status).map_err(Fault::of)?;
    let stats: Value =
        serde_json::from_str(&super::get(&format!("{index}/_stats/store"))?).map_err(Fault::of)?;
    let bytes = &stats["_all"]["primaries"]["store"]["size_in_bytes"];
    bytes.as_u64().ok_or_else(|| Fault::Short("no size of the index".to_owned()))
}
