//! What sinks missed, delivered later.

mod metrics;
mod round;

use std::sync::Arc;

use kudos_core::ports::{Leases, OutageWindows, Snapshots};
use kudos_degraded::{Backoff, ConfigError, Observer};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::settings::SweeperSettings;
use crate::sink::Sink;
use crate::teller::Teller;
use crate::tenure::Tenure;
use metrics::Metrics;
use round::Sweep;

/// Delivers what the outage journal says that sinks may have missed.
///
/// One instance at a time does it. Each sink is told by itself, the oldest window first, and where
/// it stands in each window is remembered, so that a sink that is sick holds no other and nothing
/// is delivered twice for it. The cost follows what was missed, not what exists.
pub struct Sweeper {
    windows: Arc<dyn OutageWindows>,
    tellers: Vec<Teller>,
    tenure: Tenure,
    settings: SweeperSettings,
    metrics: Metrics,
}

impl Sweeper {
    /// A sweeper that is idle until [`run`](Self::run). `sinks` are all that writers tell, by the
    /// names that writers know them by; `instance` names this process among those that share the
    /// leases.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn new(
        windows: Arc<dyn OutageWindows>,
        truth: &Arc<dyn Snapshots>,
        sinks: Vec<Arc<dyn Sink>>,
        leases: Arc<dyn Leases>,
        instance: &str,
        observer: &Arc<dyn Observer>,
        settings: SweeperSettings,
    ) -> Result<Self, ConfigError> {
        let rest = Backoff::new(settings.rest_base(), settings.rest_cap());
        let teller =
            |sink| Teller::new(sink, Arc::clone(truth), settings.call_limit(), rest, observer);
        let tellers = sinks.into_iter().map(teller).collect::<Result<_, _>>()?;
        let tenure = Tenure::new(leases, "sweeper", instance, settings.lease());
        Ok(Self { windows, tellers, tenure, settings, metrics: Metrics::new() })
    }

    /// Sweeps until `stop`, whenever the lease is held. Dropping the future loses nothing.
    pub async fn run(&self, stop: CancellationToken) {
        self.tenure.during(&stop, || self.sweep()).await;
    }

    async fn sweep(&self) {
        let mut sweep = Sweep::new(self);
        loop {
            let unfinished = sweep.round().await;
            if !unfinished {
                sleep(self.settings.every()).await;
            }
        }
    }
}
