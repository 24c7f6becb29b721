//! Whether the orders lack nothing. What lists posts cannot tell by itself that some are missing:
//! an emptied order is an empty one. So a member that is no post says that it was loaded whole; it
//! goes where the posts go. Windows follow the popular order of their shard: should Redis evict
//! one of them alone, that goes unnoticed, which is why it must not evict (`noeviction`).

use std::time::{SystemTime, UNIX_EPOCH};

use kudos_core::PortError;

use crate::failure::{Cause, Failure, summary};
use crate::keys::{COMPLETE, Key, LOADING};
use crate::library::Function;
use crate::live::RedisLive;
use crate::router::{Asks, Job};

/// Loaders that began longer ago than this, in seconds, are not coming back.
const GIVEN_UP: u64 = 7 * 24 * 3600;

/// A load of everything that has begun; see [`RedisLive::begin_load`].
#[derive(Debug, Clone)]
pub struct Load {
    mark: String,
}

impl Load {
    /// The member that it left in each order.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// The load that left this member; none if no load does so.
    pub(crate) fn marked(mark: &str) -> Option<Self> {
        mark.starts_with(LOADING).then(|| Self { mark: mark.to_owned() })
    }
}

impl RedisLive {
    /// The shards of the ranks that lack posts: they were never loaded whole, or were emptied.
    ///
    /// # Errors
    /// A node that does not answer: then nothing is known of its shards.
    pub async fn completeness(&self) -> Result<Vec<u32>, PortError> {
        let orders = self.orders();
        let job = |(_, key): &(u32, Key)| Job::command("ZSCORE", key, &[COMPLETE]);
        let jobs: Vec<_> = orders.iter().map(job).collect();
        let answers = self.cluster.run(&jobs, Asks::Master, self.deadline()).await;
        let mut lacking = Vec::new();
        let mut failures = Vec::new();
        for ((shard, _), answer) in orders.into_iter().zip(answers) {
            match answer.map(|reply| redis::from_redis_value::<Option<f64>>(reply).ok().flatten()) {
                Ok(Some(score)) if score == -f64::from(self.keys.shards()) => {}
                Ok(_) => lacking.push(shard),
                Err(failure) => failures.push(failure),
            }
        }
        summary(failures)?;
        lacking.dedup();
        Ok(lacking)
    }

    /// Begins to load everything: leaves a mark in each order, by which
    /// [`mark_complete`](Self::mark_complete) sees whether anything was lost meanwhile. Loads may
    /// run side by side.
    ///
    /// # Errors
    /// A node that does not answer.
    pub async fn begin_load(&self) -> Result<Load, PortError> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = since_epoch.as_secs();
        let mark = format!("{LOADING}{:016x}", fastrand::u64(..));
        let (score, oldest) = (format!("-{now}"), format!("-{}", now.saturating_sub(GIVEN_UP)));
        // Far below any number of shards, so that `!complete` is never taken for an old mark.
        let newest = format!("-{}", u32::MAX / 8);
        let jobs: Vec<_> = self
            .orders()
            .iter()
            .flat_map(|(_, key)| {
                [
                    Job::command("ZREMRANGEBYSCORE", key, &[&oldest, &newest]),
                    Job::command("ZADD", key, &[&score, &mark]),
                ]
            })
            .collect();
        let answers = self.cluster.run(&jobs, Asks::Master, self.deadline()).await;
        summary(answers.into_iter().filter_map(Result::err).collect())?;
        Ok(Load { mark })
    }

    /// Says that everything was loaded since the load began. Only then the orders answer.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] if an order was emptied meanwhile, so that the load has to begin
    /// anew, or a node does not answer.
    pub async fn mark_complete(&self, load: &Load) -> Result<(), PortError> {
        let job = |(_, key): &(u32, Key)| {
            let args = vec![load.mark.clone(), self.keys.shards().to_string()];
            Job::call(Function::Complete, vec![key.clone()], args)
        };
        let orders = self.orders();
        let jobs: Vec<_> = orders.iter().map(job).collect();
        let answers = self.cluster.run(&jobs, Asks::Master, self.deadline()).await;
        let failure = |answer: Result<redis::Value, Failure>| match answer {
            Ok(redis::Value::Int(1)) => None,
            Ok(_) => Some(Failure::general(Cause::NotRebuilt)),
            Err(failure) => Some(failure),
        };
        summary(answers.into_iter().filter_map(failure).collect())
    }

    /// Every order and its shard.
    fn orders(&self) -> Vec<(u32, Key)> {
        let of = |shard| [(shard, self.keys.popular(shard)), (shard, self.keys.times(shard))];
        self.keys.all_shards().flat_map(of).collect()
    }
}
