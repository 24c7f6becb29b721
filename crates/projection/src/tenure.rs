//! Work that one instance does at a time.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::PortError;
use kudos_core::ports::Leases;
use kudos_degraded::Deadline;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// A lease that is renewed while its work goes on.
pub(crate) struct Tenure {
    leases: Arc<dyn Leases>,
    name: &'static str,
    holder: String,
    span: Duration,
}

impl Tenure {
    pub(crate) fn new(
        leases: Arc<dyn Leases>,
        name: &'static str,
        holder: &str,
        span: Duration,
    ) -> Self {
        Self { leases, name, holder: holder.to_owned(), span }
    }

    /// Does `work`, again and again, while the lease is held; waits for it while it is not. The
    /// work is dropped where it stands when the lease is lost and at the stop.
    pub(crate) async fn during<F>(&self, stop: &CancellationToken, work: impl Fn() -> F)
    where
        F: Future<Output = ()>,
    {
        let held = async {
            loop {
                let asked = Instant::now();
                if !self.hold().await.unwrap_or(false) {
                    sleep(self.span / 3).await;
                    continue;
                }
                tracing::info!(work = self.name, "has the lease");
                let working = async {
                    loop {
                        work().await;
                    }
                };
                tokio::select! {
                    biased;
                    () = self.keep(asked) => tracing::warn!(work = self.name, "lost the lease"),
                    () = working => {}
                }
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = held => {}
        }
        let release = self.leases.release(self.name, &self.holder);
        // If it cannot be given back it ends by itself.
        let _ = Deadline::after(self.span / 3).run(release).await;
    }

    /// Renews the lease; returns when it is lost, or may be because nobody answers.
    async fn keep(&self, mut renewed: Instant) {
        loop {
            sleep(self.span / 3).await;
            let asked = Instant::now();
            match self.hold().await {
                Ok(true) => renewed = asked,
                Ok(false) => return,
                Err(_) if renewed.elapsed() + self.span / 3 >= self.span => return,
                Err(_) => {}
            }
        }
    }

    async fn hold(&self) -> Result<bool, PortError> {
        let asked = self.leases.hold(self.name, &self.holder, self.span);
        let held = Deadline::after(self.span / 3).run(asked).await;
        held.unwrap_or(Err(PortError::Timeout))
    }
}
