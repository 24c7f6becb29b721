use std::time::Duration;

use kudos_degraded::{Backoff, Jitter};

use crate::settings::ProjectorSettings;

/// How often a post is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The least time between two tellings of a post.
    pub(super) apart: Duration,
    /// How long a post waits for others to fly with it.
    pub(super) linger: Duration,
    /// Pauses after failures.
    pub(super) backoff: Backoff,
    /// Spreads them.
    pub(super) jitter: Jitter,
}

impl Pace {
    pub(super) fn of(settings: &ProjectorSettings) -> Self {
        let backoff = Backoff::new(settings.retry_base(), settings.retry_cap());
        let (apart, linger) = (settings.pace(), settings.linger());
        Self { apart, linger, backoff, jitter: Jitter::RANDOM }
    }

    /// The pause after so many failures in a row, at least one.
    pub(super) fn after_failure(&self, failures: u32) -> Duration {
        self.backoff.half_jitter(failures.saturating_sub(1), self.jitter)
    }
}
