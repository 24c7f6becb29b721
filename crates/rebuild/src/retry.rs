//! Calls that may fail for a while: nobody waits for a page here, so each is tried again.

use std::time::Duration;

use kudos_core::PortError;
use kudos_degraded::{Backoff, Deadline};
use tokio::time::{Instant, sleep};

use crate::{Rebuild, RebuildError};

const PAUSES: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

impl Rebuild {
    /// Asks until there is an answer, for as long as there is patience.
    pub(crate) async fn until_done<T>(
        &self,
        what: &'static str,
        ask: impl AsyncFn() -> Result<T, PortError>,
    ) -> Result<T, RebuildError> {
        let end = Instant::now() + self.limits.patience;
        let mut failures = 0;
        loop {
            let asked = Deadline::after(self.limits.call).run(ask()).await;
            match asked.unwrap_or(Err(PortError::Timeout)) {
                Ok(answer) => {
                    if failures > 0 {
                        self.progress.waits(None);
                    }
                    return Ok(answer);
                }
                // What is damaged does not heal.
                Err(error @ PortError::Corrupt(_)) => {
                    return Err(RebuildError::Port { what, error });
                }
                Err(error) if Instant::now() >= end => {
                    return Err(RebuildError::Port { what, error });
                }
                Err(error) => {
                    self.progress.waits(Some(format!("{what}: {error}")));
                    sleep(PAUSES.step(failures)).await;
                    failures = failures.saturating_add(1);
                }
            }
        }
    }
}
