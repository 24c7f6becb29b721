//! Reading the orders.

use std::collections::BTreeMap;

use futures::future::join_all;
use kudos_core::{Millis, PortError, PostId, RankEntry, TimeKey};
use kudos_degraded::Deadline;
use redis::Value;

use crate::failure::{Cause, Failure, summary};
use crate::keys::{member, post_of};
use crate::library::Function;
use crate::live::RedisLive;
use crate::router::{Asks, Job};
use crate::score::decode;
use crate::settings::Mode;
use crate::windows::cover;

/// The most entries of one answer.
const MOST: usize = 10_000;

/// What an order begins its answer with.
const COMPLETE: &str = "1";
const INCOMPLETE: &str = "0";

impl RedisLive {
    /// See [`kudos_core::ports::LiveCounts::top`].
    pub(crate) async fn read_top(
        &self,
        since: Option<Millis>,
        limit: usize,
    ) -> Result<Vec<RankEntry>, PortError> {
        let limit = limit.min(MOST);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let deadline = self.deadline();
        let shards = self.keys.all_shards().map(|shard| self.top_of(shard, since, limit, deadline));
        let mut ranks = all(join_all(shards).await)?;
        ranks.retain(|rank| since.is_none_or(|since| rank.created_at >= since));
        ranks.sort_unstable();
        ranks.truncate(limit);
        Ok(ranks)
    }

    async fn top_of(
        &self,
        shard: u32,
        since: Option<Millis>,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Vec<RankEntry>, Failure> {
        let mut keys = vec![self.keys.popular(shard)];
        let buckets = since.and_then(|since| cover(since, self.clock.now())).unwrap_or_default();
        keys.extend(buckets.into_iter().map(|bucket| self.keys.window(shard, bucket)));
        let has_times = self.times_are_near();
        if has_times {
            keys.push(self.keys.times(shard));
        }
        let since = since.unwrap_or_default();
        let numbers = [self.keys.shards().into(), limit as u64, since.0, has_times.into()];
        let args = numbers.iter().map(u64::to_string).collect();
        let job = Job::call(Function::Top, keys, args);
        let entries = self.listed(job, 3, deadline).await?;
        let mut found: BTreeMap<PostId, Found> = BTreeMap::new();
        for entry in entries.chunks_exact(3) {
            if let (Some(post), Ok(score)) = (post_of(&entry[0]), entry[1].parse()) {
                let decoded = decode(score);
                let exact = entry[2].parse().ok().map(Millis);
                let new = Found {
                    total: decoded.total,
                    created_at: exact.unwrap_or(decoded.created_at),
                    exact: decoded.exact || exact.is_some(),
                };
                found.entry(post).or_insert(new);
            }
        }
        if !has_times {
            self.complete_times(shard, &mut found, deadline).await?;
        }
        let entry = |(post, found): (PostId, Found)| RankEntry {
            post,
            total: found.total,
            created_at: found.created_at,
        };
        Ok(found.into_iter().map(entry).collect())
    }

    /// Whether a shard's two orders are in one slot, or on one server.
    fn times_are_near(&self) -> bool {
        self.keys.shards() > 1 || self.cluster.settings().mode == Mode::Single
    }

    /// Reads the creation times that did not fit into scores.
    async fn complete_times(
        &self,
        shard: u32,
        found: &mut BTreeMap<PostId, Found>,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let mut inexact: Vec<_> = found.iter_mut().filter(|(_, found)| !found.exact).collect();
        if inexact.is_empty() {
            return Ok(());
        }
        let members: Vec<_> = inexact.iter().map(|(post, _)| member(post)).collect();
        let members: Vec<_> = members.iter().map(String::as_str).collect();
        let job = Job::command("ZMSCORE", &self.keys.times(shard), &members);
        let reply = self.cluster.run_one(job, Asks::Any, deadline).await?;
        let times: Vec<Option<f64>> =
            redis::from_redis_value(reply).map_err(|_| Failure::general(Cause::Unreadable))?;
        for ((_, found), time) in inexact.iter_mut().zip(times) {
            if let Some(time) = time {
                found.created_at = Millis(time as u64);
            }
        }
        Ok(())
    }

    /// See [`kudos_core::ports::LiveCounts::recent`].
    pub(crate) async fn read_recent(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<TimeKey>, PortError> {
        let limit = limit.min(MOST);
        let since = since.unwrap_or_default();
        if limit == 0 || after.is_some_and(|after| after.created_at < since) {
            return Ok(Vec::new());
        }
        let mut args = vec![self.keys.shards().to_string(), limit.to_string(), since.0.to_string()];
        args.extend(
            after.iter().flat_map(|after| [after.created_at.0.to_string(), member(&after.post)]),
        );
        let deadline = self.deadline();
        let shards = self.keys.all_shards().map(|shard| {
            let job = Job::call(Function::Recent, vec![self.keys.times(shard)], args.clone());
            self.times_of(job, deadline)
        });
        let mut keys = all(join_all(shards).await)?;
        keys.sort_unstable();
        keys.truncate(limit);
        Ok(keys)
    }

    async fn times_of(&self, job: Job, deadline: Deadline) -> Result<Vec<TimeKey>, Failure> {
        let entries = self.listed(job, 2, deadline).await?;
        let key = |entry: &[String]| {
            let created_at = Millis(entry[1].parse::<f64>().ok()? as u64);
            Some(TimeKey { created_at, post: post_of(&entry[0])? })
        };
        Ok(entries.chunks_exact(2).filter_map(key).collect())
    }

    /// The entries of an order, each of `width` texts, if the order is complete.
    async fn listed(
        &self,
        job: Job,
        width: usize,
        deadline: Deadline,
    ) -> Result<Vec<String>, Failure> {
        let reply: Value = self.cluster.run_one(job, Asks::Any, deadline).await?;
        let mut texts: Vec<String> =
            redis::from_redis_value(reply).map_err(|_| Failure::general(Cause::Unreadable))?;
        match texts.first().map(String::as_str) {
            Some(COMPLETE) if texts.len() % width == 1 % width => {
                texts.remove(0);
                Ok(texts)
            }
            Some(INCOMPLETE) => Err(Failure::general(Cause::NotRebuilt)),
            Some("2") => Err(Failure::general(Cause::TooFarBack)),
            _ => Err(Failure::general(Cause::Unreadable)),
        }
    }
}

/// A post as its score has it.
struct Found {
    total: u64,
    created_at: Millis,
    exact: bool,
}

/// Everything that the shards listed, unless one failed.
fn all<T>(shards: Vec<Result<Vec<T>, Failure>>) -> Result<Vec<T>, PortError> {
    let (mut listed, mut failures) = (Vec::new(), Vec::new());
    for shard in shards {
        match shard {
            Ok(entries) => listed.extend(entries),
            Err(failure) => failures.push(failure),
        }
    }
    summary(failures)?;
    Ok(listed)
}
