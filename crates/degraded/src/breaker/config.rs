//! The settings of a breaker.

use std::time::Duration;

use crate::{Backoff, ConfigError, Jitter};

use super::window::Window;

/// When a breaker opens, for how long, and what closes it.
#[derive(Debug, Clone, Copy)]
pub struct BreakerConfig {
    /// How many of the latest calls are looked at: 1 to 64.
    pub window: u32,
    /// Opens when so many of the window failed: 1 to `window`. Equal to `window`, it counts
    /// consecutive failures; smaller, it also catches a node that fails now and then. It is a
    /// number and not a ratio, so that a few calls after a quiet time cannot open it.
    pub failures: u32,
    /// How long it rests: growing each time that a probe fails, starting anew once closed.
    pub rest: Backoff,
    /// Takes up to half of each rest away, so that many callers do not probe at once.
    pub jitter: Jitter,
    /// Calls that pass while half open, and successes that close it: at least 1.
    pub probes: u32,
    /// How long a node must have been given before an abandoned call counts against it. Keep it
    /// below the shortest deadline that calls to the node have: longer, and a node that hangs is
    /// never found out; zero, and clients that hang up would open the breaker of a healthy node.
    pub patience: Duration,
}

impl Default for BreakerConfig {
    /// 5 failures of the last 20 calls; rests of 200 ms to 5 s; 2 probes; 30 ms of patience.
    fn default() -> Self {
        Self {
            window: 20,
            failures: 5,
            rest: Backoff::new(Duration::from_millis(200), Duration::from_secs(5)),
            jitter: Jitter::RANDOM,
            probes: 2,
            patience: Duration::from_millis(30),
        }
    }
}

impl BreakerConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting outside the bounds that its field names.
    pub fn validate(&self) -> Result<(), ConfigError> {
        ConfigError::check_range("window", self.window.into(), Window::MAX.into())?;
        ConfigError::check_range("failures", self.failures.into(), self.window.into())?;
        ConfigError::check_range("probes", self.probes.into(), u32::MAX.into())?;
        self.rest.validate("rest")
    }
}
