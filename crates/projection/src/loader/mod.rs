//! A projection that has lost something gets it back.
//!
//! | question | file |
//! |---|---|
//! | how is noticed what is lost? | `watch.rs`: marks; `Completeness`: never loaded whole |
//! | how is told again what changed lately? | `replay.rs` |
//! | how is everything loaded? | here |

mod metrics;
mod replay;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use kudos_core::ports::{
    Completeness, Leases, Loss, Marks, OutageWindows, Reach, ScanCursor, ScanPage, Share,
    Snapshots, TimedLog,
};
use kudos_core::{Clock, Millis, PortError};
use kudos_degraded::{Backoff, ConfigError, Deadline, Observer};
use parking_lot::Mutex;
use tokio::time::{interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::rate::Rate;
use crate::settings::LoaderSettings;
use crate::sink::Sink;
use crate::teller::Teller;
use crate::tenure::Tenure;
use metrics::{Looking, Metrics, Told};
use replay::Waiting;
use watch::{Losses, Watch};

pub use metrics::Rebuild;

/// Losses that are made up for at a time; those that come meanwhile are one more.
const SIDE_BY_SIDE: usize = 4;

/// What a loader needs.
pub struct LoaderPorts {
    /// What everything is read from.
    pub truth: Arc<dyn Snapshots>,
    /// The projection that may lose what it was told.
    pub sink: Arc<dyn Sink>,
    /// Whether that was ever loaded whole.
    pub completeness: Arc<dyn Completeness>,
    /// Its marks.
    pub marks: Arc<dyn Marks>,
    /// What changed when.
    pub log: Arc<dyn TimedLog>,
    /// What has to be delivered yet.
    pub windows: Arc<dyn OutageWindows>,
    /// Who works.
    pub leases: Arc<dyn Leases>,
    /// What is written into marks, and compared with the time of the log.
    pub clock: Arc<dyn Clock>,
}

/// Notices what a projection has lost, be it its last writes, a part of it or everything, and tells
/// it again: what changed since, from the log; or what the part held, from the truth.
///
/// Safe while likes arrive: what is told is versioned, so a newer state that a writer told
/// meanwhile stays. One instance at a time does it, and the next one goes on where it died.
pub struct Loader {
    truth: Arc<dyn Snapshots>,
    sink: Teller,
    completeness: Arc<dyn Completeness>,
    marks: Arc<dyn Marks>,
    watch: Watch,
    log: Arc<dyn TimedLog>,
    windows: Arc<dyn OutageWindows>,
    clock: Arc<dyn Clock>,
    tenure: Tenure,
    settings: LoaderSettings,
    loaded: AtomicU64,
    rebuilt: Mutex<Option<Rebuild>>,
    metrics: Metrics,
}

impl Loader {
    /// A loader that is idle until [`run`](Self::run). `instance` names this process among those
    /// that share the leases.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn new(
        ports: LoaderPorts,
        instance: &str,
        observer: &Arc<dyn Observer>,
        settings: LoaderSettings,
    ) -> Result<Self, ConfigError> {
        let rest = Backoff::new(settings.retry(), settings.retry() * 20);
        let LoaderPorts { truth, sink, completeness, marks, log, windows, leases, clock } = ports;
        let sink = Teller::new(sink, Arc::clone(&truth), settings.call_limit(), rest, observer)?;
        Ok(Self {
            truth,
            sink,
            completeness,
            watch: Watch::new(Arc::clone(&marks)),
            marks,
            log,
            windows,
            clock,
            tenure: Tenure::new(leases, "loader", instance, settings.lease()),
            settings,
            loaded: AtomicU64::new(0),
            rebuilt: Mutex::default(),
            metrics: Metrics::new(),
        })
    }

    /// Looks again and again until `stop` whether something was lost, and tells it, whenever the
    /// lease is held.
    pub async fn run(&self, stop: CancellationToken) {
        self.tenure.during(&stop, || self.tend()).await;
    }

    /// How many posts were told so far.
    pub fn loaded(&self) -> u64 {
        self.loaded.load(Ordering::Relaxed)
    }

    /// The last loss that was made up for.
    pub fn last_rebuild(&self) -> Option<Rebuild> {
        *self.rebuilt.lock()
    }

    async fn tend(&self) {
        let _looking = Looking(&self.metrics);
        self.watch.forget();
        let (mut waiting, mut sure) = (Waiting::default(), None);
        // Whoever begins knows what is lost before telling anything.
        self.beat(&mut waiting, &mut sure).await;
        let beats = async {
            loop {
                sleep(self.settings.every()).await;
                self.beat(&mut waiting, &mut sure).await;
            }
        };
        futures::join!(beats, self.recoveries());
    }

    /// Makes up for each loss as soon as it is noticed, also while others are made up for.
    async fn recoveries(&self) {
        let mut under_way = FuturesUnordered::new();
        let mut loads_all = false;
        let mut looks = interval(self.settings.every());
        loop {
            let is_room = under_way.len() < SIDE_BY_SIDE;
            tokio::select! {
                Some(was_all) = under_way.next() => if was_all { loads_all = false },
                _ = looks.tick(), if is_room => {
                    let missing = if loads_all { None } else { self.missing().await };
                    let losses = self.watch.take();
                    loads_all |= missing.is_some();
                    if missing.is_some() || !losses.is_empty() {
                        under_way.push(self.recover(missing, losses));
                    }
                }
            }
        }
    }

    /// That the projection was never loaded whole.
    async fn missing(&self) -> Option<Loss> {
        self.bounded(self.completeness.missing()).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "nobody tells whether something was lost");
            None
        })
    }

    /// Marks every part as of now. What waits in the journal is not told yet.
    async fn beat(&self, waiting: &mut Waiting, sure: &mut Option<Millis>) {
        let now = self.clock.now();
        if let Ok(Some(oldest)) = self.bounded(self.oldest_due(waiting, now)).await {
            *sure = Some(oldest.minus(self.settings.margin()));
        }
        if let Err(error) = self.bounded(self.watch.beat(now, *sure)).await {
            tracing::debug!(%error, "not every part of the live counts can be marked");
        }
        self.metrics.lost(self.watch.lost());
    }

    /// Tells again what is lost; true if that was all that the projection has to hold.
    async fn recover(&self, whole: Option<Loss>, losses: Losses) -> bool {
        let (emptied, behind) = (losses.emptied(), losses.behind());
        let (sink, told) = (self.sink.name(), Told::default());
        if whole.is_some() || !emptied.is_empty() {
            tracing::warn!(sink, parts = emptied.len(), "has lost what it held, and is loaded");
            let all: Reach = Arc::new(|_| true);
            let reach = whole.as_ref().map_or_else(|| self.marks.reach(&emptied), |_| all);
            self.load(&reach, &told).await;
        }
        if let Some((parts, since)) = behind.filter(|_| whole.is_none()) {
            tracing::info!(sink, parts = parts.len(), since = since.0, "is told what may be lost");
            self.replay(since, &self.marks.reach(&parts), &told).await;
        }
        self.watch.made_up(&losses);
        self.rebuilt(&told);
        match &whole {
            Some(loss) => self.mark_complete(loss).await,
            None => tracing::info!(sink, posts = told.posts(), "was told again what it had lost"),
        }
        whole.is_some()
    }

    fn rebuilt(&self, told: &Told) {
        let rebuild = Rebuild { posts: told.posts(), at: self.clock.now() };
        self.metrics.rebuilt(rebuild);
        *self.rebuilt.lock() = Some(rebuild);
    }

    async fn mark_complete(&self, loss: &Loss) {
        let sink = self.sink.name();
        match self.bounded(self.completeness.mark_complete(loss)).await {
            Ok(true) => tracing::info!(sink, "is complete again"),
            Ok(false) => tracing::warn!(sink, "has lost more meanwhile"),
            Err(error) => tracing::warn!(%error, "completeness cannot be marked, and is loaded"),
        }
    }

    /// Loads every post in `reach`, in shares side by side. Ends only when all are loaded.
    async fn load(&self, reach: &Reach, told: &Told) {
        let of = self.settings.shares.max(1);
        join_all((0..of).map(|part| self.load_share(Share { part, of }, reach, told))).await;
    }

    async fn load_share(&self, share: Share, reach: &Reach, told: &Told) {
        let mut rate = Rate::new(self.settings.posts_per_second / share.of);
        let mut after = None;
        loop {
            let page = self.until_done(|| self.load_page(share, after.as_ref(), reach, told));
            let (read, next) = page.await;
            rate.spend(read).await;
            let Some(next) = next else { return };
            after = Some(next);
        }
    }

    /// Loads one page, and tells how many posts it had and where the next one begins.
    async fn load_page(
        &self,
        share: Share,
        after: Option<&ScanCursor>,
        reach: &Reach,
        told: &Told,
    ) -> Result<(usize, Option<ScanCursor>), PortError> {
        let scan = self.truth.scan(share, after, self.settings.page);
        let ScanPage { mut snapshots, next } = self.bounded(scan).await?;
        let read = snapshots.len();
        snapshots.retain(|snapshot| reach(&snapshot.post.id));
        let loaded = snapshots.len();
        self.sink.tell_snapshots(snapshots).await?;
        self.count(loaded, told);
        Ok((read, next))
    }

    fn count(&self, posts: usize, told: &Told) {
        self.loaded.fetch_add(posts as u64, Ordering::Relaxed);
        self.metrics.told(posts);
        told.add(posts);
    }

    /// Does something until it succeeds, with longer and longer pauses.
    async fn until_done<T, F>(&self, work: impl Fn() -> F) -> T
    where
        F: Future<Output = Result<T, PortError>>,
    {
        let backoff = Backoff::new(self.settings.retry(), self.settings.retry() * 20);
        let mut failures = 0;
        loop {
            match work().await {
                Ok(done) => return done,
                Err(error) => {
                    if failures == 0 {
                        tracing::warn!(%error, "telling again what was lost waits");
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
