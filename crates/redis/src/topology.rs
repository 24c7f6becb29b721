//! Who serves what.

use std::collections::BTreeMap;

use redis::Value;

use crate::slot::SLOTS;

/// A master and its replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// The master's `host:port`.
    pub master: String,
    /// Its replicas that are up.
    pub replicas: Vec<String>,
    /// The slots that it serves: first and last, both included.
    pub slots: Vec<(u16, u16)>,
}

/// The nodes of Redis and the slots that they serve. One server serves all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    shards: Vec<Shard>,
    /// For each slot one more than the place of its shard; 0 if nobody serves it.
    by_slot: Vec<u16>,
}

impl Topology {
    /// One server for all slots.
    pub(crate) fn single(address: &str) -> Self {
        let master = address.to_owned();
        Self::of(vec![Shard { master, replicas: Vec::new(), slots: vec![(0, SLOTS - 1)] }])
    }

    fn of(shards: Vec<Shard>) -> Self {
        let mut by_slot = vec![0; usize::from(SLOTS)];
        for (shard, place) in shards.iter().zip(1_u16..) {
            for &(first, last) in &shard.slots {
                let range = usize::from(first)..=usize::from(last);
                by_slot.get_mut(range).into_iter().for_each(|slots| slots.fill(place));
            }
        }
        Self { shards, by_slot }
    }

    /// Reads the answer of CLUSTER SLOTS. A node that does not know its own host leaves it out:
    /// then it is `asked`, the host that answered.
    pub(crate) fn read(reply: &Value, asked: &str) -> Option<Self> {
        let Value::Array(ranges) = reply else {
            return None;
        };
        let mut shards: BTreeMap<String, Shard> = BTreeMap::new();
        for range in ranges {
            let Value::Array(parts) = range else {
                return None;
            };
            let [first, last, master, replicas @ ..] = parts.as_slice() else {
                return None;
            };
            let slot = |value: &Value| redis::from_redis_value_ref::<u16>(value).ok();
            let slots = (slot(first)?, slot(last)?);
            let master = address(master, asked)?;
            let replicas = replicas.iter().filter_map(|replica| address(replica, asked)).collect();
            let new = Shard { master: master.clone(), replicas, slots: Vec::new() };
            shards.entry(master).or_insert(new).slots.push(slots);
        }
        Some(Self::of(shards.into_values().collect()))
    }

    /// The masters with their replicas and slots.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The shard that serves a slot; none if nobody does.
    pub fn shard_of(&self, slot: u16) -> Option<&Shard> {
        let place = self.by_slot.get(usize::from(slot))?;
        self.shards.get(usize::from(place.checked_sub(1)?))
    }

    /// How many slots are served.
    pub fn covered(&self) -> usize {
        self.by_slot.iter().filter(|&&place| place > 0).count()
    }

    /// Every address.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &str> {
        let replicas = self.shards.iter().flat_map(|shard| &shard.replicas);
        let masters = self.shards.iter().map(|shard| &shard.master);
        masters.chain(replicas).map(String::as_str)
    }
}

/// The address of `[host, port, id, …]`.
fn address(node: &Value, asked: &str) -> Option<String> {
    let Value::Array(parts) = node else {
        return None;
    };
    let [host, port, ..] = parts.as_slice() else {
        return None;
    };
    let host: Option<String> = redis::from_redis_value_ref(host).ok()?;
    let host = host.filter(|host| !host.is_empty() && host != "?");
    let port: u16 = redis::from_redis_value_ref(port).ok()?;
    Some(format!("{}:{port}", host.as_deref().unwrap_or(asked)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: &str, port: i64) -> Value {
        let host = match host {
            "" => Value::Nil,
            host => Value::BulkString(host.as_bytes().to_vec()),
        };
        Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec())])
    }

    fn range(first: i64, last: i64, nodes: Vec<Value>) -> Value {
        let slots = [Value::Int(first), Value::Int(last)];
        Value::Array(slots.into_iter().chain(nodes).collect())
    }

    #[test]
    fn slots_have_a_master_and_replicas_or_nobody() {
        let reply = Value::Array(vec![
            range(0, 99, vec![node("a", 1), node("b", 2)]),
            range(200, 16383, vec![node("a", 1), node("b", 2)]),
            range(100, 150, vec![node("", 3)]),
        ]);
        let topology = Topology::read(&reply, "seed").unwrap();
        assert_eq!(topology.shards().len(), 2);
        let first = topology.shard_of(99).unwrap();
        assert_eq!(
            (first.master.as_str(), first.replicas.as_slice()),
            ("a:1", &["b:2".into()][..])
        );
        assert_eq!(first.slots, [(0, 99), (200, 16383)]);
        assert_eq!(topology.shard_of(150).unwrap().master, "seed:3");
        assert_eq!((topology.shard_of(151), topology.shard_of(SLOTS)), (None, None));
        assert_eq!(topology.covered(), 100 + 16184 + 51);
        assert_eq!(topology.addresses().collect::<Vec<_>>(), ["a:1", "seed:3", "b:2"]);
    }

    #[test]
    fn one_server_serves_all() {
        let topology = Topology::single("a:1");
        assert_eq!(topology.shard_of(SLOTS - 1).unwrap().master, "a:1");
        assert_eq!(topology.covered(), usize::from(SLOTS));
    }

    #[test]
    fn nonsense_is_no_topology() {
        assert_eq!(Topology::read(&Value::Okay, "a"), None);
        assert_eq!(Topology::read(&Value::Array(vec![Value::Nil]), "a"), None);
    }
}
