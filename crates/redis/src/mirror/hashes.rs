use async_trait::async_trait;
use kudos_core::ports::{Facts, Mirror, MirrorWalk, Said, Standing};
use kudos_core::{PortError, PostId, PostState, Snapshot};

use super::{RedisHashes, scan};
use crate::live::RedisLive;
use crate::router::Job;

impl RedisHashes {
    fn facts(&self, state: &PostState, hidden: bool) -> Facts {
        Facts::new()
            .with_counts(&state.counts, &self.0.kinds)
            .with(Facts::VERSION, Said::Number(state.version.0))
            .with("created_at", Said::Number(state.created_at.0))
            .with("hidden", Said::Flag(hidden))
    }
}

#[async_trait]
impl Mirror for RedisHashes {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn expected(&self, truth: &Snapshot) -> Facts {
        let created_at = truth.post.created_at;
        self.facts(&PostState { created_at, ..truth.state.clone() }, truth.hidden)
    }

    async fn held(&self, posts: &[Snapshot]) -> Result<Vec<Facts>, PortError> {
        let job =
            |truth: &Snapshot| Job::command("HGETALL", &self.0.keys.hash(&truth.post.id), &[]);
        let replies = self.0.all(&posts.iter().map(job).collect::<Vec<_>>()).await?;
        let facts = |(truth, reply): (&Snapshot, _)| {
            let held = self.0.held(&truth.post.id, &reply);
            held.map(|held| self.facts(&held.state, held.hidden)).unwrap_or_default()
        };
        Ok(posts.iter().zip(replies).map(facts).collect())
    }

    fn candidates(&self, post: &PostId) -> Vec<Standing> {
        vec![Standing { place: self.0.keys.hash(post).name, post: post.clone() }]
    }

    async fn stands(&self, standings: &[Standing]) -> Result<Vec<bool>, PortError> {
        let job = |standing: &Standing| Job::command("HLEN", &standing.place.clone().into(), &[]);
        let replies = self.0.all(&standings.iter().map(job).collect::<Vec<_>>()).await?;
        Ok(replies.into_iter().map(|reply| reply != redis::Value::Int(0)).collect())
    }

    async fn walk(&self) -> Result<Box<dyn MirrorWalk + '_>, PortError> {
        let slots = self.0.masters_by_slot().await?;
        Ok(Box::new(Walk { live: &self.0, slots, cursor: 0 }))
    }

    async fn tell(&self, snapshots: &[Snapshot]) -> Result<(), PortError> {
        self.0.restate_posts(snapshots).await
    }

    /// A hash without its version, its visibility and their revision is as good as none, and yet
    /// still tells which windows may list the post.
    async fn forget(&self, posts: &[PostId]) -> Result<(), PortError> {
        let job = |post: &PostId| Job::command("HDEL", &self.0.keys.hash(post), &["V", "H", "R"]);
        self.0.all(&posts.iter().map(job).collect::<Vec<_>>()).await.map(drop)
    }

    async fn remove(&self, standings: &[Standing]) -> Result<(), PortError> {
        let job = |standing: &Standing| Job::command("DEL", &standing.place.clone().into(), &[]);
        self.0.all(&standings.iter().map(job).collect::<Vec<_>>()).await.map(drop)
    }
}

/// SCAN on one master after the other.
struct Walk<'a> {
    live: &'a RedisLive,
    /// A slot of each master that is left.
    slots: Vec<u16>,
    cursor: u64,
}

#[async_trait]
impl MirrorWalk for Walk<'_> {
    async fn next(&mut self, limit: usize) -> Result<Option<Vec<Standing>>, PortError> {
        let Some(&slot) = self.slots.last() else { return Ok(None) };
        let keys = &self.live.keys;
        let job = scan(slot, self.cursor, &keys.all_hashes(), limit);
        let (cursor, found) = self.live.step(job).await?;
        self.cursor = cursor;
        if cursor == 0 {
            self.slots.pop();
        }
        let standing =
            |name: String| Some(Standing { post: keys.post_of_hash(&name)?, place: name });
        Ok(Some(found.into_iter().filter_map(standing).collect()))
    }
}
