//! Time that stands still until a test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kudos_core::{Clock, Millis};
use tokio::time::Instant;

use crate::scope::NOW;

/// A clock that a test sets. Clones share the same time.
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: Millis) -> Self {
        Self(Arc::new(AtomicU64::new(now.0)))
    }

    /// Moves the clock to `now`, backwards too, as machines' clocks may.
    pub fn set(&self, now: Millis) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves the clock on, and tells the new time.
    pub fn advance(&self, by: Duration) -> Millis {
        let now = self.now().plus(by);
        self.set(now);
        now
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

/// A clock that begins at [`NOW`] and goes as tokio's does, which a test pauses.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    start: Instant,
    first: Millis,
}

impl TokioClock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self { start: Instant::now(), first: NOW }
    }

    /// The same, of a machine whose clock is wrong by so many milliseconds.
    #[must_use]
    pub fn wrong_by(self, ms: i64) -> Self {
        Self { first: Millis(self.first.0.saturating_add_signed(ms)), ..self }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Millis {
        self.first.plus(self.start.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_one_time() {
        let clock = ManualClock::new(Millis(5));
        let seen_elsewhere = clock.clone();
        clock.advance(Duration::from_secs(1));
        assert_eq!(seen_elsewhere.now(), Millis(1005));
    }
}
