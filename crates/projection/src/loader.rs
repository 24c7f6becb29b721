//! All of the truth into a projection that has lost it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::join_all;
use kudos_core::PortError;
use kudos_core::ports::{Completeness, Leases, Loss, ScanPage, Share, Snapshots};
use kudos_degraded::{Backoff, ConfigError, Deadline, Observer};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::rate::Rate;
use crate::settings::LoaderSettings;
use crate::sink::Sink;
use crate::teller::Teller;
use crate::tenure::Tenure;

/// Loads a sink that says that it lost what it held, and marks it complete.
///
/// Safe while likes arrive: what is loaded is versioned, so a newer state that a writer told
/// meanwhile stays.
pub struct Loader {
    truth: Arc<dyn Snapshots>,
    sink: Teller,
    completeness: Arc<dyn Completeness>,
    tenure: Tenure,
    settings: LoaderSettings,
    loaded: AtomicU64,
}

impl Loader {
    /// A loader that is idle until [`run`](Self::run) or [`load`](Self::load). `instance` names
    /// this process among those that share the leases.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn new(
        truth: Arc<dyn Snapshots>,
        sink: Arc<dyn Sink>,
        completeness: Arc<dyn Completeness>,
        leases: Arc<dyn Leases>,
        instance: &str,
        observer: &Arc<dyn Observer>,
        settings: LoaderSettings,
    ) -> Result<Self, ConfigError> {
        let rest = Backoff::new(settings.retry(), settings.retry() * 20);
        let limit = settings.call_limit();
        let sink = Teller::new(sink, Arc::clone(&truth), limit, rest, observer)?;
        let tenure = Tenure::new(leases, "loader", instance, settings.lease());
        let loaded = AtomicU64::new(0);
        Ok(Self { truth, sink, completeness, tenure, settings, loaded })
    }

    /// Looks again and again until `stop` whether something was lost, and loads it, whenever the
    /// lease is held.
    pub async fn run(&self, stop: CancellationToken) {
        self.tenure.during(&stop, || self.look()).await;
    }

    /// How many posts were loaded so far.
    pub fn loaded(&self) -> u64 {
        self.loaded.load(Ordering::Relaxed)
    }

    async fn look(&self) {
        match self.bounded(self.completeness.missing()).await {
            Ok(Some(loss)) => self.recover(&loss).await,
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "nobody tells whether something was lost"),
        }
        sleep(self.settings.every()).await;
    }

    async fn recover(&self, loss: &Loss) {
        tracing::warn!(sink = self.sink.name(), "has lost what it held, and is loaded");
        self.load().await;
        match self.bounded(self.completeness.mark_complete(loss)).await {
            Ok(true) => tracing::info!(sink = self.sink.name(), "is complete again"),
            Ok(false) => tracing::warn!(sink = self.sink.name(), "has lost more meanwhile"),
            Err(error) => tracing::warn!(%error, "completeness cannot be marked, and is loaded"),
        }
    }

    /// Loads every post, in shares side by side. Ends only when all are loaded: what fails is
    /// tried again after a pause, from where it failed.
    pub async fn load(&self) {
        let of = self.settings.shares.max(1);
        join_all((0..of).map(|part| self.load_share(Share { part, of }))).await;
    }

    async fn load_share(&self, share: Share) {
        let mut rate = Rate::new(self.settings.posts_per_second / share.of);
        let (mut after, mut failures) = (None, 0);
        let backoff = Backoff::new(self.settings.retry(), self.settings.retry() * 20);
        loop {
            let page = async {
                let scan = self.truth.scan(share, after.as_ref(), self.settings.page);
                let ScanPage { snapshots, next } = self.bounded(scan).await?;
                let posts = snapshots.len();
                self.sink.tell_snapshots(snapshots).await?;
                Ok::<_, PortError>((posts, next))
            };
            match page.await {
                Ok((posts, next)) => {
                    failures = 0;
                    self.loaded.fetch_add(posts as u64, Ordering::Relaxed);
                    rate.spend(posts).await;
                    let Some(next) = next else { return };
                    after = Some(next);
                }
                Err(error) => {
                    if failures == 0 {
                        tracing::warn!(%error, "loading waits");
                    }
                    sleep(backoff.step(failures)).await;
                    failures = failures.saturating_add(1);
                }
            }
        }
    }

    async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let limit = Deadline::after(self.settings.call_limit());
        limit.run(call).await.unwrap_or(Err(PortError::Timeout))
    }
}
