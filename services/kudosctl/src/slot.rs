//! `kudosctl slot KEY…`: the slot of a key, and who serves it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use kudos_redis::{RedisLive, Topology, slot_of};
use kudos_runtime::start::BoxError;
use serde::Serialize;

use crate::settings::Settings;

/// Whether every slot that was asked for has somebody who serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Served,
    Unserved,
}

/// Where a key is.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Place {
    key: String,
    slot: u16,
    /// None if nobody serves the slot.
    master: Option<String>,
    replicas: Vec<String>,
}

/// Asks the cluster, and prints a line a key.
pub(crate) async fn run(
    settings: &Settings,
    keys: Vec<String>,
    json: bool,
) -> Result<Verdict, BoxError> {
    let kinds = Arc::new(settings.kinds.clone());
    let live = RedisLive::new(settings.redis.clone(), kinds, Arc::new(()))?;
    let topology = live.discover().await.map_err(|error| {
        format!("redis.nodes: none of {:?} says who serves what ({error})", settings.redis.nodes)
    })?;
    let places: Vec<_> = keys.into_iter().map(|key| Place::of(key, &topology)).collect();
    let text = if json { serde_json::to_string_pretty(&places)? } else { text(&places) };
    writeln!(std::io::stdout(), "{text}")?;
    let served = places.iter().all(|place| place.master.is_some());
    Ok(if served { Verdict::Served } else { Verdict::Unserved })
}

impl Place {
    fn of(key: String, topology: &Topology) -> Self {
        let slot = slot_of(&key);
        let shard = topology.shard_of(slot);
        let replicas = shard.map(|shard| shard.replicas.clone()).unwrap_or_default();
        Self { key, slot, master: shard.map(|shard| shard.master.clone()), replicas }
    }
}

fn text(places: &[Place]) -> String {
    let width = places.iter().map(|place| place.key.chars().count()).max().unwrap_or(0).max(3);
    let mut text = format!("{:width$}   slot  master, then replicas", "key");
    for Place { key, slot, master, replicas } in places {
        let nodes = match master {
            Some(master) => {
                let all: Vec<_> = std::iter::once(master).chain(replicas).map(|n| &**n).collect();
                all.join(" ")
            }
            None => "NOBODY SERVES IT".to_owned(),
        };
        // Writing into a string does not fail.
        let _ = write!(text, "\n{key:width$}  {slot:>5}  {nodes}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_columns_and_a_slot_without_a_node_is_told() {
        let place = |key: &str, master: Option<&str>| Place {
            key: key.to_owned(),
            slot: slot_of(key),
            master: master.map(str::to_owned),
            replicas: master.map(|_| "b:2".to_owned()).into_iter().collect(),
        };
        let places = [place("posts:by_time", Some("a:1")), place("post:123:reactions", None)];
        let expected = "\
key                   slot  master, then replicas
posts:by_time         939  a:1 b:2
post:123:reactions  10781  NOBODY SERVES IT";
        let squeezed = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(squeezed(&text(&places)), squeezed(expected));
    }
}
