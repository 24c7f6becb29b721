//! A sink that is told what it lacks: bounded calls, and left alone while it fails.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, TryStreamExt};
use kudos_core::ports::Snapshots;
use kudos_core::{Change, PortError, PostId, Snapshot};
use kudos_degraded::{
    AnyError, Backoff, Breaker, BreakerConfig, CallError, ConfigError, Deadline, Jitter, Observer,
};

use crate::sink::Sink;

/// How often posts are told again because they were stored or hidden meanwhile.
const RETELLINGS: usize = 5;
/// Posts that are settled at a time.
const SETTLED_AT_ONCE: usize = 16;

/// Whether commits of posts may be in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// What is acknowledged is all there is.
    None,
    /// Posts have to be settled before they are read.
    Possible,
}

/// One sink, the truth that it lacks, and a breaker of its own.
pub(crate) struct Teller {
    sink: Arc<dyn Sink>,
    truth: Arc<dyn Snapshots>,
    breaker: Breaker,
    limit: Duration,
}

impl Teller {
    /// Every call to the sink and the truth is bounded by `limit`. One failure of the sink lets it
    /// rest: for `rest` at first, up to `longest`.
    ///
    /// # Errors
    /// A rest of nothing, or of more than a day.
    pub(crate) fn new(
        sink: Arc<dyn Sink>,
        truth: Arc<dyn Snapshots>,
        limit: Duration,
        rest: Backoff,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, ConfigError> {
        let config = BreakerConfig {
            window: 1,
            failures: 1,
            rest,
            jitter: Jitter::RANDOM,
            probes: 1,
            patience: limit / 2,
        };
        let name = format!("mending {}", sink.name());
        let breaker = Breaker::observed(&name, config, Arc::clone(observer))?;
        Ok(Self { sink, truth, breaker, limit })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.sink.name()
    }

    /// Reads posts and tells the sink what they are.
    pub(crate) async fn tell(&self, posts: &[PostId], doubt: Doubt) -> Result<(), PortError> {
        let snapshots = match doubt {
            Doubt::None => self.read(posts).await?,
            Doubt::Possible => self.settle(posts).await?,
        };
        self.tell_snapshots(snapshots).await
    }

    /// Tells the sink of snapshots. Visibility and texts carry no version that every sink can
    /// compare: what was stored or hidden meanwhile is told again, so that the last one is the
    /// last one told.
    pub(crate) async fn tell_snapshots(
        &self,
        mut snapshots: Vec<Snapshot>,
    ) -> Result<(), PortError> {
        for _ in 0..RETELLINGS {
            if snapshots.is_empty() {
                return Ok(());
            }
            self.call(self.sink.restate(&snapshots)).await?;
            let posts: Vec<_> = snapshots.iter().map(|told| told.post.id.clone()).collect();
            let told = snapshots.into_iter().map(|told| (told.post.id, told.revision));
            let told: std::collections::HashMap<_, _> = told.collect();
            snapshots = self.read(&posts).await?;
            snapshots.retain(|now| told.get(&now.post.id) != Some(&now.revision));
        }
        Err(PortError::Busy { retry_after: self.limit })
    }

    /// Tells the sink of changes, whose states are known without the truth.
    pub(crate) async fn tell_changes(&self, changes: &[Change]) -> Result<(), PortError> {
        self.call(self.sink.changes(changes)).await
    }

    async fn call(
        &self,
        told: impl Future<Output = Result<(), PortError>>,
    ) -> Result<(), PortError> {
        let told = async { told.await.map_err(CallError::Failed) };
        let called = self.breaker.call(Deadline::after(self.limit), AnyError, told).await;
        called.map_err(|error| match error {
            CallError::Elapsed(_) => PortError::Timeout,
            CallError::Open(open) => PortError::Busy { retry_after: open.retry_after },
            CallError::Full(_) => PortError::Busy { retry_after: self.limit },
            CallError::Failed(error) => error,
        })
    }

    async fn read(&self, posts: &[PostId]) -> Result<Vec<Snapshot>, PortError> {
        let read = self.truth.snapshots(posts);
        let read = Deadline::after(self.limit).run(read).await;
        let snapshots = read.unwrap_or(Err(PortError::Timeout))?;
        Ok(snapshots.into_iter().flatten().collect())
    }

    async fn settle(&self, posts: &[PostId]) -> Result<Vec<Snapshot>, PortError> {
        let settle = async |post: &PostId| {
            let settled = Deadline::after(self.limit).run(self.truth.settle(post)).await;
            settled.unwrap_or(Err(PortError::Timeout))
        };
        let settled = stream::iter(posts).map(settle).buffered(SETTLED_AT_ONCE);
        let snapshots: Vec<_> = settled.try_collect().await?;
        Ok(snapshots.into_iter().flatten().collect())
    }
}
