use async_trait::async_trait;
use kudos_core::ports::{Facts, Mirror, MirrorWalk, Said, Standing};
use kudos_core::{Millis, PortError, PostId, Snapshot};
use redis::Value;

use super::RedisRanks;
use crate::keys::{Key, member, post_of};
use crate::live::RedisLive;
use crate::router::Job;
use crate::score::encode;
use crate::windows::Bucket;

/// What a score of an order says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Reactions,
    Time,
}

impl Order {
    fn said(self, score: f64) -> Said {
        match self {
            // Times are whole numbers, and read as such.
            Self::Time if score >= 0.0 && score.fract() == 0.0 => Said::Number(score as u64),
            Self::Time | Self::Reactions => Said::Score(score),
        }
    }
}

impl RedisRanks {
    /// The orders that list a post which was created then.
    fn orders(&self, post: &PostId, created_at: Millis) -> Vec<(Order, Key)> {
        let (keys, now) = (&self.0.keys, self.0.clock.now());
        let shard = keys.shard(post);
        let kept = Bucket::of(created_at).into_iter();
        let kept = kept.filter(|bucket| bucket.time_left(now).is_some());
        let windows = kept.map(|bucket| (Order::Reactions, keys.window(shard, bucket)));
        let whole = [(Order::Reactions, keys.popular(shard)), (Order::Time, keys.times(shard))];
        whole.into_iter().chain(windows).collect()
    }

    /// Every order of a shard that is kept.
    fn kept(&self, shard: u32) -> Vec<Key> {
        let keys = &self.0.keys;
        let windows = Bucket::kept(self.0.clock.now());
        let windows = windows.map(|bucket| keys.window(shard, bucket));
        [keys.popular(shard), keys.times(shard)].into_iter().chain(windows).collect()
    }
}

#[async_trait]
impl Mirror for RedisRanks {
    fn name(&self) -> &'static str {
        "ranks"
    }

    fn expected(&self, truth: &Snapshot) -> Facts {
        let (created_at, total) = (truth.post.created_at, truth.state.counts.total());
        let orders =
            if truth.hidden { Vec::new() } else { self.orders(&truth.post.id, created_at) };
        orders.into_iter().fold(Facts::new(), |facts, (order, key)| {
            let said = match order {
                Order::Reactions => Said::Score(encode(total, created_at)),
                Order::Time => Said::Number(created_at.0),
            };
            facts.with(key.name, said)
        })
    }

    async fn held(&self, posts: &[Snapshot]) -> Result<Vec<Facts>, PortError> {
        let (mut jobs, mut places) = (Vec::new(), Vec::new());
        for (number, truth) in posts.iter().enumerate() {
            let member = member(&truth.post.id);
            for (order, key) in self.orders(&truth.post.id, truth.post.created_at) {
                jobs.push(Job::command("ZSCORE", &key, &[&member]));
                places.push((number, order, key.name));
            }
        }
        let mut held = vec![Facts::new(); posts.len()];
        for ((number, order, name), reply) in places.into_iter().zip(self.0.all(&jobs).await?) {
            if let Some(score) = score(reply) {
                let facts = std::mem::take(&mut held[number]);
                held[number] = facts.with(name, order.said(score));
            }
        }
        Ok(held)
    }

    fn belongs(&self, truth: &Snapshot, place: &str) -> bool {
        let orders = self.orders(&truth.post.id, truth.post.created_at);
        orders.iter().any(|(_, key)| key.name == place)
    }

    fn candidates(&self, post: &PostId) -> Vec<Standing> {
        let kept = self.0.keys.all_shards().flat_map(|shard| self.kept(shard));
        kept.map(|key| Standing { post: post.clone(), place: key.name }).collect()
    }

    async fn stands(&self, standings: &[Standing]) -> Result<Vec<bool>, PortError> {
        let job = |Standing { post, place }: &Standing| {
            Job::command("ZSCORE", &place.clone().into(), &[&member(post)])
        };
        let replies = self.0.all(&standings.iter().map(job).collect::<Vec<_>>()).await?;
        Ok(replies.into_iter().map(|reply| score(reply).is_some()).collect())
    }

    async fn walk(&self) -> Result<Box<dyn MirrorWalk + '_>, PortError> {
        let orders = self.0.keys.all_shards().flat_map(|shard| self.kept(shard)).collect();
        Ok(Box::new(Walk { live: &self.0, orders, cursor: 0 }))
    }

    /// Places in the orders follow from the hashes, which are told too.
    async fn tell(&self, snapshots: &[Snapshot]) -> Result<(), PortError> {
        self.0.restate_posts(snapshots).await
    }

    async fn remove(&self, standings: &[Standing]) -> Result<(), PortError> {
        let job = |Standing { post, place }: &Standing| {
            Job::command("ZREM", &place.clone().into(), &[&member(post)])
        };
        self.0.all(&standings.iter().map(job).collect::<Vec<_>>()).await.map(drop)
    }
}

fn score(reply: Value) -> Option<f64> {
    redis::from_redis_value(reply).ok().flatten()
}

/// ZSCAN of one order after the other.
struct Walk<'a> {
    live: &'a RedisLive,
    /// Those that are left.
    orders: Vec<Key>,
    cursor: u64,
}

#[async_trait]
impl MirrorWalk for Walk<'_> {
    async fn next(&mut self, limit: usize) -> Result<Option<Vec<Standing>>, PortError> {
        let Some(order) = self.orders.last().cloned() else { return Ok(None) };
        let (cursor, count) = (self.cursor.to_string(), limit.to_string());
        let job = Job::command("ZSCAN", &order, &[&cursor, "COUNT", &count]);
        let (cursor, found) = self.live.step(job).await?;
        self.cursor = cursor;
        if cursor == 0 {
            self.orders.pop();
        }
        // Members and scores by turns. What is no post says whether the order is complete.
        let posts = found.iter().step_by(2).filter_map(|member| post_of(member));
        let standing = |post| Standing { post, place: order.name.clone() };
        Ok(Some(posts.map(standing).collect()))
    }
}
