//! The truth for a reader that starts before Cassandra does.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use kudos_cassandra::{Cassandra, CassandraSettings, ConnectError, Store};
use kudos_core::ports::{
    PostMeta, PostStore, ReactionStore, ReactorPage, ScanCursor, ScanPage, Share, Snapshots,
    Upserted,
};
use kudos_core::{
    Applied, ApplyError, Clock, Counts, Kind, Kinds, Millis, Operation, PortError, Post, PostId,
    PostState, Snapshot, TimeKey, UserId,
};
use kudos_runtime::shutdown::Shutdown;
use kudos_runtime::start::{Chain, Misconfigured};

use crate::fault::Fault;

/// How long a start waits for the first try to connect.
const FIRST_TRY: Duration = Duration::from_secs(3);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Cassandra as soon as it is there. Until then every call answers
/// [`PortError::Unavailable`] at once.
#[derive(Clone, Default)]
pub struct PendingTruth(Arc<OnceLock<Cassandra>>);

struct Connection {
    settings: CassandraSettings,
    kinds: Kinds,
    clock: Arc<dyn Clock>,
}

impl PendingTruth {
    /// Tries to connect, and goes on trying in the background until it succeeds or the service
    /// stops.
    ///
    /// # Errors
    /// What the first try says, if waiting would not help.
    pub async fn connect(
        settings: &CassandraSettings,
        kinds: &Kinds,
        clock: Arc<dyn Clock>,
        shutdown: &Shutdown,
    ) -> Result<Self, Misconfigured> {
        let (settings, kinds) = (settings.clone(), kinds.clone());
        let connection = Connection { settings, kinds, clock };
        let pending = Self::default();
        match tokio::time::timeout(FIRST_TRY, connection.attempt()).await {
            Ok(Ok(cassandra)) => {
                pending.set(cassandra);
                return Ok(pending);
            }
            Ok(Err(error)) if !error.may_pass() => return Err(Misconfigured(error.into())),
            Ok(Err(error)) => tracing::warn!(why = %Chain(&error), "starting without Cassandra"),
            Err(_) => tracing::warn!(why = "no answer in time", "starting without Cassandra"),
        }
        let (later, stop) = (pending.clone(), shutdown.token());
        shutdown.spawn(async move {
            stop.run_until_cancelled(Box::pin(later.connect_later(connection))).await;
        });
        Ok(pending)
    }

    async fn connect_later(&self, connection: Connection) {
        let mut last = String::new();
        loop {
            tokio::time::sleep(PAUSE).await;
            match connection.attempt().await {
                Ok(cassandra) => {
                    tracing::info!("connected to Cassandra");
                    return self.set(cassandra);
                }
                Err(error) => {
                    let why = Chain(&error).to_string();
                    if why != last {
                        tracing::warn!(why, "still without Cassandra");
                        last = why;
                    }
                }
            }
        }
    }

    fn set(&self, cassandra: Cassandra) {
        // There is one connector, which ends with its first success.
        let _ = self.0.set(cassandra);
    }

    /// The connected backends.
    pub fn get(&self) -> Option<&Cassandra> {
        self.0.get()
    }

    fn store(&self) -> Result<&Store, PortError> {
        let store = self.0.get().map(|cassandra| &*cassandra.store);
        store.ok_or_else(|| PortError::Unavailable("not connected to Cassandra yet".to_owned()))
    }
}

impl Connection {
    async fn attempt(&self) -> Result<Cassandra, ConnectError> {
        Cassandra::connect(&self.settings, self.kinds.clone(), Arc::clone(&self.clock)).await
    }
}

#[async_trait]
impl ReactionStore for PendingTruth {
    async fn apply(&self, op: Operation) -> Result<Applied, ApplyError> {
        self.store()?.apply(op).await
    }

    async fn states(&self, posts: &[PostId]) -> Result<Vec<Option<PostState>>, PortError> {
        self.store()?.states(posts).await
    }

    async fn held(&self, user: &UserId, posts: &[PostId]) -> Result<Vec<Option<Kind>>, PortError> {
        self.store()?.held(user, posts).await
    }

    async fn reactors(
        &self,
        post: &PostId,
        kind: Option<Kind>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<ReactorPage, PortError> {
        self.store()?.reactors(post, kind, after, limit).await
    }
}

#[async_trait]
impl PostStore for PendingTruth {
    async fn upsert(&self, post: &Post) -> Result<Upserted, PortError> {
        self.store()?.upsert(post).await
    }

    async fn hide(&self, post: &PostId) -> Result<bool, PortError> {
        self.store()?.hide(post).await
    }

    async fn meta(&self, post: &PostId) -> Result<Option<PostMeta>, PortError> {
        self.store()?.meta(post).await
    }

    async fn get(&self, posts: &[PostId]) -> Result<Vec<Option<Post>>, PortError> {
        self.store()?.get(posts).await
    }

    async fn by_time(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<Post>, PortError> {
        self.store()?.by_time(since, after, limit).await
    }
}

#[async_trait]
impl Snapshots for PendingTruth {
    async fn snapshots(&self, posts: &[PostId]) -> Result<Vec<Option<Snapshot>>, PortError> {
        self.store()?.snapshots(posts).await
    }

    async fn settle(&self, post: &PostId) -> Result<Option<Snapshot>, PortError> {
        self.store()?.settle(post).await
    }

    async fn scan(
        &self,
        share: Share,
        after: Option<&ScanCursor>,
        limit: usize,
    ) -> Result<ScanPage, PortError> {
        self.store()?.scan(share, after, limit).await
    }

    async fn recount(&self, post: &PostId) -> Result<Counts, PortError> {
        self.store()?.recount(post).await
    }
}
