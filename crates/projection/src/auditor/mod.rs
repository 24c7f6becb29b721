//! Whether every copy is what the truth says.

mod compare;
mod metrics;
mod report;

use std::sync::Arc;

use kudos_core::ports::{Leases, LiveCounts, Projection, ScanCursor, ScanPage, Share, Snapshots};
use kudos_core::{PortError, Snapshot};
use kudos_degraded::{Backoff, ConfigError, Observer};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::rate::Rate;
use crate::settings::AuditorSettings;
use crate::sink::LiveSink;
use crate::teller::Teller;
use crate::tenure::Tenure;
pub use compare::drift;
use metrics::Metrics;
pub use report::{AuditReport, Difference, Drift, Held};

/// How often a page is tried before a pass gives up.
const TRIES: u32 = 5;

/// Walks the truth at a bounded rate and compares: the counts with the rows, the live counts with
/// the counts. What live has lost is told again; projections are put again if asked for.
pub struct Auditor {
    truth: Arc<dyn Snapshots>,
    live: Arc<dyn LiveCounts>,
    live_sink: Teller,
    projections: Vec<Arc<dyn Projection>>,
    tenure: Tenure,
    settings: AuditorSettings,
    metrics: Metrics,
}

impl Auditor {
    /// An auditor that is idle until [`run`](Self::run) or [`pass`](Self::pass). `instance` names
    /// this process among those that share the leases.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn new(
        truth: Arc<dyn Snapshots>,
        live: Arc<dyn LiveCounts>,
        projections: Vec<Arc<dyn Projection>>,
        leases: Arc<dyn Leases>,
        instance: &str,
        observer: &Arc<dyn Observer>,
        settings: AuditorSettings,
    ) -> Result<Self, ConfigError> {
        let sink = Arc::new(LiveSink(Arc::clone(&live)));
        let rest = Backoff::new(settings.retry(), settings.retry() * 20);
        let limit = settings.call_limit();
        let live_sink = Teller::new(sink, Arc::clone(&truth), limit, rest, observer)?;
        let tenure = Tenure::new(leases, "auditor", instance, settings.lease());
        let metrics = Metrics::new();
        Ok(Self { truth, live, live_sink, projections, tenure, settings, metrics })
    }

    /// Audits pass after pass until `stop`, whenever the lease is held.
    pub async fn run(&self, stop: CancellationToken) {
        self.tenure.during(&stop, || self.passes()).await;
    }

    async fn passes(&self) {
        match self.pass(Share::ALL).await {
            Ok(report) => tracing::info!(
                posts = report.posts,
                drifted = report.drifted,
                repaired = report.repaired,
                unsettled = report.unsettled,
                "every post was audited"
            ),
            Err(error) => tracing::warn!(%error, "an audit was given up"),
        }
        sleep(self.settings.rest()).await;
    }

    /// Audits every post of a share once.
    ///
    /// # Errors
    /// Those of the truth, when it does not answer for a while. A copy that does not answer is in
    /// the report.
    pub async fn pass(&self, share: Share) -> Result<AuditReport, PortError> {
        let mut report = AuditReport::default();
        let mut rate = Rate::new(self.settings.posts_per_second);
        let mut after = None;
        loop {
            let begun = Instant::now();
            let page = self.scan(share, after.as_ref()).await?;
            self.recount(&page.snapshots, &mut report).await;
            let took = begun.elapsed();
            self.compare(&page.snapshots, &mut report).await;
            // Where others keep the truth busy, a page takes longer, and the next comes later.
            let rest = sleep(took.saturating_mul(self.settings.rest_factor));
            futures::join!(rate.spend(page.snapshots.len()), rest);
            after = page.next;
            if after.is_none() {
                return Ok(report);
            }
        }
    }

    async fn scan(&self, share: Share, after: Option<&ScanCursor>) -> Result<ScanPage, PortError> {
        let mut tries = 1;
        loop {
            match self.bounded(self.truth.scan(share, after, self.settings.page)).await {
                Err(_) if tries < TRIES => {
                    sleep(self.settings.retry() * tries).await;
                    tries += 1;
                }
                scanned => return scanned,
            }
        }
    }

    /// Counts the rows of some posts anew.
    async fn recount(&self, snapshots: &[Snapshot], report: &mut AuditReport) {
        for snapshot in snapshots {
            let every = self.settings.recount_every;
            report.posts += 1;
            if every == 0 || !(report.posts - 1).is_multiple_of(every) {
                continue;
            }
            if let Err(error) = self.check_rows(snapshot, report).await {
                tracing::warn!(post = %snapshot.post.id, %error, "rows cannot be counted");
                report.unsettled += 1;
            }
        }
    }

    /// Compares the copies.
    async fn compare(&self, snapshots: &[Snapshot], report: &mut AuditReport) {
        if let Err(error) = self.check_live(snapshots, report).await {
            tracing::warn!(%error, "a page of posts cannot be compared with the live counts");
            report.unsettled += snapshots.len() as u64;
        }
        if self.settings.put_again {
            self.put_again(snapshots, report).await;
        }
        self.metrics.audited(snapshots.len());
    }
}
