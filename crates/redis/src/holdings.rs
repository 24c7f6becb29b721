//! What Redis holds, whether or not the truth knows it, and how it is forgotten.
//!
//! Hashes are found by SCAN on each master in turn. An order or a window that SCAN comes by is walked
//! as well, and its members without a hash are named too: those with one come by it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use kudos_core::ports::{HeldPage, Holdings, WalkCursor};
use kudos_core::{Millis, PortError, PostId};
use kudos_degraded::Deadline;
use redis::{FromRedisValue, Value};

use crate::failure::{Cause, Failure, summary};
use crate::hash::Held;
use crate::keys::{Key, member, post_of};
use crate::live::RedisLive;
use crate::router::{Asks, Job};
use crate::score::decode;
use crate::windows::Bucket;

/// The most members of one command.
const MOST_MEMBERS: usize = 512;

/// How far a walk has come: on a server, and there in its keys, then in the sets among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Walk {
    server: String,
    /// SCAN's cursor; none when all keys were seen.
    keys: Option<u64>,
    /// ZSCAN's cursor in the last of these.
    members: u64,
    sets: Vec<String>,
}

impl Walk {
    fn of(server: &str) -> Self {
        Self { server: server.to_owned(), keys: Some(0), ..Self::default() }
    }

    fn cursor(&self) -> WalkCursor {
        let keys = self.keys.map_or_else(|| "-".to_owned(), |keys| keys.to_string());
        let head = format!("{}\n{keys}\n{}", self.server, self.members);
        WalkCursor(self.sets.iter().fold(head, |text, set| text + "\n" + set))
    }

    fn read(cursor: &WalkCursor) -> Option<Self> {
        let mut lines = cursor.0.split('\n');
        let server = lines.next()?.to_owned();
        let keys = match lines.next()? {
            "-" => None,
            keys => Some(keys.parse().ok()?),
        };
        let members = lines.next()?.parse().ok()?;
        Some(Self { server, keys, members, sets: lines.map(str::to_owned).collect() })
    }

    fn is_done(&self) -> bool {
        self.keys.is_none() && self.sets.is_empty()
    }
}

#[async_trait]
impl Holdings for RedisLive {
    /// # Errors
    /// [`PortError::Unavailable`] too, if a server was replaced meanwhile: its cursors mean nothing
    /// to another, so the walk has to begin anew.
    async fn held(&self, after: Option<&WalkCursor>, limit: usize) -> Result<HeldPage, PortError> {
        let deadline = self.deadline();
        let topology = self.cluster.topology(deadline).await?;
        let mut servers: Vec<_> =
            topology.shards().iter().filter(|shard| !shard.slots.is_empty()).collect();
        servers.sort_by(|a, b| a.master.cmp(&b.master));
        let mut walk = match after {
            Some(cursor) => Walk::read(cursor).ok_or_else(foreign)?,
            None => servers.first().map(|first| Walk::of(&first.master)).ok_or_else(replaced)?,
        };
        let place = servers.iter().position(|server| server.master == walk.server);
        let place = place.ok_or_else(replaced)?;
        let slot = servers[place].slots.first().map(|slots| slots.0).ok_or_else(replaced)?;
        let posts = match walk.sets.last().cloned() {
            Some(set) => self.page_of_set(set, &mut walk, limit, deadline).await?,
            None => self.page_of_keys(slot, &mut walk, limit, deadline).await?,
        };
        let next = match (walk.is_done(), servers.get(place + 1)) {
            (false, _) => Some(walk.cursor()),
            (true, Some(server)) => Some(Walk::of(&server.master).cursor()),
            (true, None) => None,
        };
        Ok(HeldPage { posts, next })
    }

    async fn listed(&self, posts: &[PostId]) -> Result<Vec<Option<u64>>, PortError> {
        let mut shards: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (place, post) in posts.iter().enumerate() {
            shards.entry(self.keys.shard(post)).or_default().push(place);
        }
        let (mut jobs, mut owners) = (Vec::new(), Vec::new());
        for (shard, places) in shards {
            for places in places.chunks(MOST_MEMBERS) {
                let members: Vec<_> = places.iter().map(|&place| member(&posts[place])).collect();
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                for key in [self.keys.popular(shard), self.keys.times(shard)] {
                    jobs.push(Job::command("ZMSCORE", &key, &members));
                }
                owners.push(places.to_vec());
            }
        }
        let orders = jobs.len();
        jobs.extend(posts.iter().map(|post| self.hash_job(post)));
        let mut answers = self.cluster.run(&jobs, Asks::Master, self.deadline()).await;
        summary(answers.split_off(orders).into_iter().filter_map(Result::err).collect())?;
        let scores: Vec<Vec<Option<f64>>> =
            answers.into_iter().map(|answer| read(answer?)).collect::<Result<_, _>>()?;
        let mut listed = vec![None; posts.len()];
        for (places, scores) in owners.into_iter().zip(scores.chunks(2)) {
            let [popular, times] = scores else { continue };
            for ((place, score), time) in places.into_iter().zip(popular).zip(times) {
                listed[place] = time.and(*score).map(|score| decode(score).total);
            }
        }
        Ok(listed)
    }

    async fn forget(&self, posts: &[PostId]) -> Result<(), PortError> {
        for posts in posts.chunks(MOST_MEMBERS) {
            let deadline = self.deadline();
            let hash = |name: &str, post| Job::command(name, &self.keys.hash(post), &[]);
            let reads: Vec<_> = posts.iter().map(|post| hash("HGETALL", post)).collect();
            let answers = self.cluster.run(&reads, Asks::Master, deadline).await;
            let mut buckets = kept(self.clock.now());
            for (post, answer) in posts.iter().zip(answers) {
                let held = self.held(post, &answer?);
                buckets.extend(held.iter().flat_map(times_of).flat_map(Bucket::of));
            }
            let mut jobs: Vec<_> = posts.iter().map(|post| hash("DEL", post)).collect();
            jobs.extend(self.unlist_jobs(posts, &buckets));
            let answers = self.cluster.run(&jobs, Asks::Master, deadline).await;
            summary(answers.into_iter().filter_map(Result::err).collect())?;
        }
        Ok(())
    }
}

impl RedisLive {
    async fn page_of_keys(
        &self,
        slot: u16,
        walk: &mut Walk,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Vec<PostId>, PortError> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(walk.keys.unwrap_or(0)).arg("MATCH").arg(self.keys.pattern());
        scan.arg("COUNT").arg(limit.max(1));
        let answer = self.cluster.run_one(Job::of_server(slot, scan), Asks::Master, deadline).await;
        let (next, names): (u64, Vec<Vec<u8>>) = read(answer?)?;
        walk.keys = (next != 0).then_some(next);
        let names = names.into_iter().filter_map(|name| String::from_utf8(name).ok());
        let (mut posts, mut orders) = (Vec::new(), Vec::new());
        for name in names {
            match self.keys.post_of_hash(&name) {
                Some(post) => posts.push(post),
                None if self.keys.is_order(&name) => orders.push(name),
                None => {}
            }
        }
        walk.sets = orders;
        Ok(posts)
    }

    async fn page_of_set(
        &self,
        set: String,
        walk: &mut Walk,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Vec<PostId>, PortError> {
        let cursor = walk.members.to_string();
        let count = limit.max(1).to_string();
        let scan = Job::command("ZSCAN", &Key::from(set), &[&cursor, "COUNT", &count]);
        let answer = self.cluster.run_one(scan, Asks::Master, deadline).await;
        let (next, entries): (u64, Vec<String>) = read(answer?)?;
        walk.members = next;
        if next == 0 {
            walk.sets.pop();
        }
        let members: Vec<PostId> =
            entries.iter().step_by(2).filter_map(|entry| post_of(entry)).collect();
        let looks: Vec<_> = members.iter().map(|post| self.hash_job(post)).collect();
        let answers = self.cluster.run(&looks, Asks::Master, deadline).await;
        let mut posts = Vec::new();
        for (post, answer) in members.into_iter().zip(answers) {
            if !read::<bool>(answer?)? {
                posts.push(post);
            }
        }
        Ok(posts)
    }

    /// Asks whether there is a hash of a post.
    fn hash_job(&self, post: &PostId) -> Job {
        Job::command("HEXISTS", &self.keys.hash(post), &["V"])
    }

    /// The commands that take posts out of the orders, and out of these windows.
    fn unlist_jobs(&self, posts: &[PostId], buckets: &BTreeSet<Bucket>) -> Vec<Job> {
        let mut shards: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for post in posts {
            shards.entry(self.keys.shard(post)).or_default().push(member(post));
        }
        let jobs = shards.into_iter().flat_map(|(shard, members)| {
            let windows = buckets.iter().map(move |&bucket| self.keys.window(shard, bucket));
            let keys = [self.keys.popular(shard), self.keys.times(shard)];
            keys.into_iter().chain(windows).map(move |key| {
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                Job::command("ZREM", &key, &members)
            })
        });
        jobs.collect()
    }
}

/// The windows that may list a post without a hash, of which nobody knows when it was created.
fn kept(now: Millis) -> BTreeSet<Bucket> {
    const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);
    let hours = (0..24 * 11).map(|hour| now.plus(HOUR * 48).minus(HOUR * hour));
    hours.flat_map(Bucket::of).filter(|bucket| bucket.time_left(now).is_some()).collect()
}

fn times_of(held: &Held) -> impl Iterator<Item = Millis> {
    std::iter::once(held.state.created_at).chain(held.earlier())
}

fn read<T: FromRedisValue>(reply: Value) -> Result<T, Failure> {
    redis::from_redis_value(reply).map_err(|_| Failure::general(Cause::Unreadable))
}

fn foreign() -> PortError {
    PortError::Corrupt("a cursor of another backend".into())
}

fn replaced() -> PortError {
    PortError::Unavailable("the server that was walked serves nothing any more".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_reads_back_as_written() {
        let sets = vec!["posts:by_time".to_owned(), "{posts:by_reactions}:h:7".to_owned()];
        for walk in [
            Walk::of("a:1"),
            Walk { server: "b:2".into(), keys: None, members: 9, sets },
            Walk { keys: Some(u64::MAX), ..Walk::default() },
        ] {
            assert_eq!(Walk::read(&walk.cursor()), Some(walk));
        }
        assert_eq!(Walk::read(&WalkCursor("a:1\nx\n0".into())), None);
    }

    #[test]
    fn every_window_that_is_kept_is_looked_into() {
        let now = Millis(1_750_000_000_000);
        let kept = kept(now);
        let week = std::time::Duration::from_secs(7 * 24 * 3_600);
        for created_at in [now, now.minus(week), now.plus(week / 7)] {
            assert!(Bucket::of(created_at).iter().all(|bucket| kept.contains(bucket)));
        }
    }
}
