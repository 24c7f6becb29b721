use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::{LiveCounts, LiveEntry};
use kudos_core::{
    Clock, Kinds, Millis, PortError, PostId, PostState, RankEntry, Snapshot, SystemClock, TimeKey,
};
use kudos_degraded::{Deadline, Observer};
use kudos_runtime::config::InvalidSetting;
use tokio::task::AbortHandle;

use crate::cluster::{Cluster, keep};
use crate::connect::Connector;
use crate::failure::summary;
use crate::hash::Held;
use crate::keys::Keys;
use crate::router::{Asks, Job};
use crate::settings::RedisSettings;
use crate::topology::Topology;

/// The live projection on Redis.
///
/// Servers are connected to when they are needed, and found again by themselves: none has to be
/// there for this to be made. Every call ends within [`RedisSettings::total_ms`] for each 128
/// posts; every future may be dropped at any point.
pub struct RedisLive {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) keys: Keys,
    pub(crate) kinds: Arc<Kinds>,
    pub(crate) clock: Arc<dyn Clock>,
    keeper: AbortHandle,
}

impl RedisLive {
    /// A projection that is kept where the settings say. Has to be called within a runtime.
    ///
    /// # Errors
    /// Settings that make no sense, or name a file that cannot be read; whether the servers are
    /// as the settings say is up to [`check`](Self::check).
    pub fn new(
        settings: RedisSettings,
        kinds: Arc<Kinds>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, InvalidSetting> {
        Self::with_clock(settings, kinds, observer, Arc::new(SystemClock))
    }

    /// The same with a clock of one's own, which says when posts are too old for windows.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_clock(
        settings: RedisSettings,
        kinds: Arc<Kinds>,
        observer: Arc<dyn Observer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidSetting> {
        settings.validate()?;
        let connector = Connector::new(&settings)?;
        let keys = Keys::new(&settings);
        let cluster = Cluster::new(settings, connector, observer);
        let keeper = tokio::spawn(keep(Arc::downgrade(&cluster), Arc::clone(&cluster.shared)));
        Ok(Self { cluster, keys, kinds, clock, keeper: keeper.abort_handle() })
    }

    /// Who serves what, waiting for the first look at it after the start.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] if no node answers.
    pub async fn discover(&self) -> Result<Arc<Topology>, PortError> {
        Ok(self.cluster.topology(self.deadline()).await?)
    }

    /// The keys that hold a post: its hash, and the orders that list it by reactions and by time.
    pub fn keys_of(&self, post: &PostId) -> [String; 3] {
        let shard = self.keys.shard(post);
        let keys = [self.keys.hash(post), self.keys.popular(shard), self.keys.times(shard)];
        keys.map(|key| key.name)
    }

    /// Who serves what, as far as it is known now.
    pub fn topology(&self) -> Option<Arc<Topology>> {
        self.cluster.known()
    }

    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.cluster.settings().total())
    }

    pub(crate) fn held(&self, post: &PostId, reply: &redis::Value) -> Option<Held> {
        Held::read(post, &self.kinds, reply)
    }
}

impl Drop for RedisLive {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl std::fmt::Debug for RedisLive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisLive")
            .field("settings", self.cluster.settings())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl LiveCounts for RedisLive {
    async fn merge(&self, states: &[PostState]) -> Result<(), PortError> {
        self.merge_states(states).await
    }

    async fn hide(&self, post: &PostId, hidden: bool, revision: u64) -> Result<(), PortError> {
        self.set_hidden(post, hidden, revision).await
    }

    /// Three round trips for up to 128 posts, as [`merge`](Self::merge) alone takes.
    async fn restate(&self, snapshots: &[Snapshot]) -> Result<(), PortError> {
        self.restate_posts(snapshots).await
    }

    /// Posts of a node that does not answer are none, as if nothing were held of them: whoever
    /// asks completes the answer from the truth. An error means that no node answered.
    async fn entries(&self, posts: &[PostId]) -> Result<Vec<Option<LiveEntry>>, PortError> {
        let jobs: Vec<_> =
            posts.iter().map(|post| Job::command("HGETALL", &self.keys.hash(post), &[])).collect();
        let answers = self.cluster.run(&jobs, Asks::Any, self.deadline()).await;
        let mut failures = Vec::new();
        let entry = |Held { state, hidden, .. }| LiveEntry { state, hidden };
        let entries = posts.iter().zip(answers).map(|(post, answer)| match answer {
            Ok(reply) => self.held(post, &reply).map(entry),
            Err(failure) => {
                self.cluster.observer.fallback_taken("redis", "hash", failure.reason());
                failures.push(failure);
                None
            }
        });
        let entries: Vec<_> = entries.collect();
        if failures.len() == posts.len() {
            summary(failures)?;
        }
        Ok(entries)
    }

    /// At most 10,000. An error if any shard of the ranks does not answer or is not complete: a
    /// part of a ranking is no ranking.
    async fn top(&self, since: Option<Millis>, limit: usize) -> Result<Vec<RankEntry>, PortError> {
        self.read_top(since, limit).await
    }

    /// At most 10,000. An error as of [`top`](Self::top).
    async fn recent(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<TimeKey>, PortError> {
        self.read_recent(since, after, limit).await
    }
}
