//! A point in time by which an answer must be there.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

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
    pub const fn run<F: Future>(self, fut: F) -> InTime<F> {
        InTime { deadline: self, call: Some(fut), timer: None }
    }
}

pin_project! {
    /// The call of [`Deadline::run`].
    // By hand, as an async function keeps room for its argument twice: calls behind a few pieces
    // would be moved about by the kilobyte.
    #[derive(Debug)]
    #[must_use = "a call does nothing unless it is awaited"]
    pub struct InTime<F> {
        deadline: Deadline,
        #[pin]
        call: Option<F>,
        // Made once the call waits: one that answers at once needs none.
        #[pin]
        timer: Option<Sleep>,
    }
}

impl<F: Future> Future for InTime<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let call = this.call.as_mut().as_pin_mut().expect("not awaited again after its end");
        let begins = this.timer.is_none();
        let outcome = if begins && this.deadline.is_past() {
            Err(Elapsed)
        } else if let Poll::Ready(output) = call.poll(cx) {
            Ok(output)
        } else {
            if begins {
                this.timer.set(Some(sleep_until(this.deadline.0)));
            }
            let timer = this.timer.as_pin_mut().expect("made when the call began to wait");
            // Unconstrained: a call that used up tokio's budget of its task ends in time too.
            ready!(pin!(unconstrained(timer)).poll(cx));
            Err(Elapsed)
        };
        // Not left to the drop of this future, which its owner may keep.
        this.call.set(None);
        Poll::Ready(outcome)
    }
}

/// The deadline passed before the call answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("deadline elapsed")]
pub struct Elapsed;
