//! The commands that put posts where their hashes say, and take them out where they were before: one
//! for each order, with all posts that it is about, since a command costs more than a member.

use std::collections::HashMap;

use kudos_core::{Millis, PostState};

use crate::keys::{Key, Keys, member};
use crate::merge::Ranking;
use crate::router::Job;
use crate::score;
use crate::windows::Bucket;

/// Commands as they are collected.
pub(crate) struct Placing<'a> {
    keys: &'a Keys,
    now: Millis,
    orders: Vec<Order>,
    places: HashMap<Key, usize>,
}

/// What one order is told.
struct Order {
    key: Key,
    /// Of a window: the seconds after which nobody reads it any more.
    left: Option<u64>,
    /// A score and a member, each followed by the next.
    added: Vec<String>,
    removed: Vec<String>,
    /// Whose posts they are.
    owners: Vec<usize>,
}

/// A command, and the places of the posts that it is about.
pub(crate) type Placed = (Job, Vec<usize>);

impl<'a> Placing<'a> {
    pub(crate) fn new(keys: &'a Keys, now: Millis) -> Self {
        Self { keys, now, orders: Vec::new(), places: HashMap::new() }
    }

    /// Adds the post at a place among all.
    pub(crate) fn add(&mut self, place: usize, ranking: &Ranking) {
        let PostState { post, created_at, counts, .. } = &ranking.held.state;
        let shard = self.keys.shard(post);
        let member = member(post);
        let (now, buckets) = (self.now, Bucket::of(*created_at));
        let (popular, times) = (self.keys.popular(shard), self.keys.times(shard));
        if ranking.held.hidden {
            self.remove(popular, &member, place);
            self.remove(times, &member, place);
            for bucket in buckets.iter().filter(|bucket| bucket.time_left(now).is_some()) {
                self.remove(self.keys.window(shard, *bucket), &member, place);
            }
        } else {
            let score = score::encode(counts.total(), *created_at).to_string();
            self.put(popular, None, &score, &member, place);
            // Beyond 2^53 a score is not exact; no post is from then.
            self.put(times, None, &created_at.0.to_string(), &member, place);
            for bucket in buckets {
                let Some(left) = bucket.time_left(now) else { continue };
                let left = Some(left.as_secs().max(1));
                self.put(self.keys.window(shard, bucket), left, &score, &member, place);
            }
        }
        let mut earlier: Vec<_> = ranking.earlier.iter().flat_map(|&at| Bucket::of(at)).collect();
        earlier.sort_unstable();
        earlier.dedup();
        for bucket in earlier.into_iter().filter(|bucket| !buckets.contains(bucket)) {
            self.remove(self.keys.window(shard, bucket), &member, place);
        }
    }

    /// The commands, those of an order in this order: additions, how long it is kept, removals. No post
    /// is added to an order and removed from it.
    pub(crate) fn finish(self) -> Vec<Placed> {
        let mut placed = Vec::with_capacity(self.orders.len());
        for Order { key, left, added, removed, owners } in self.orders {
            if !added.is_empty() {
                placed.push((Job::members("ZADD", &key, &added), owners.clone()));
                if let Some(left) = left {
                    let seconds = left.to_string();
                    placed.push((Job::command("EXPIRE", &key, &[&seconds, "NX"]), owners.clone()));
                }
            }
            if !removed.is_empty() {
                placed.push((Job::members("ZREM", &key, &removed), owners));
            }
        }
        placed
    }

    fn put(&mut self, key: Key, left: Option<u64>, score: &str, member: &str, place: usize) {
        let order = self.order(key, place);
        order.left = left;
        order.added.extend([score.to_owned(), member.to_owned()]);
    }

    fn remove(&mut self, key: Key, member: &str, place: usize) {
        self.order(key, place).removed.push(member.to_owned());
    }

    fn order(&mut self, key: Key, place: usize) -> &mut Order {
        let at = *self.places.entry(key).or_insert_with_key(|key| {
            let (key, left) = (key.clone(), None);
            self.orders.push(Order {
                key,
                left,
                added: Vec::new(),
                removed: Vec::new(),
                owners: Vec::new(),
            });
            self.orders.len() - 1
        });
        let order = &mut self.orders[at];
        order.owners.push(place);
        order
    }
}
