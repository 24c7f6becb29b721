//! A point in time by which an answer must be there.

use std::time::Duration;

use tokio::time::Instant;

/// Beyond any call; used where a duration would overflow the clock.
const FAR_AWAY: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// When a request must be answered. Made once at the door and passed down through every call, so
/// that no inner time-out adds up to more than the caller will wait.
///
/// It can only be narrowed: a child is never later than its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// `budget` from now. A budget too long for the clock means 30 years.
    pub fn after(budget: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(budget).unwrap_or_else(|| now + FAR_AWAY))
    }

    /// At `instant`.
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// The point in time itself.
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// The time left; zero once past.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether no time is left.
    pub fn is_past(self) -> bool {
        self.remaining().is_zero()
    }

    /// The earlier of the two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Ord::min(self, other)
    }

    /// A child: `budget` from now, but never later than `self`.
    #[must_use]
    pub fn within(self, budget: Duration) -> Self {
        self.min(Self::after(budget))
    }

    /// Waits for `fut` until this deadline.
    ///
    /// # Errors
    /// [`Elapsed`] when time runs out: `fut` is dropped, and whether it had an effect is unknown.
    /// If the deadline was past before, `fut` is not even started.
    pub async fn run<F: Future>(self, fut: F) -> Result<F::Output, Elapsed> {
        if self.is_past() {
            return Err(Elapsed);
        }
        tokio::time::timeout_at(self.0, fut).await.map_err(|_| Elapsed)
    }
}

/// The deadline passed before the call answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("deadline elapsed")]
pub struct Elapsed;
