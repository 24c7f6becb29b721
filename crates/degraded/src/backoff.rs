//! Growing delays, and the chance that spreads them.

use std::fmt;
use std::time::Duration;

use crate::ConfigError;

/// A longer cap is a slip of the pen, and might overflow a clock.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Exponential growth with a ceiling: `base`, 2·`base`, 4·`base` … `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first step.
    pub base: Duration,
    /// No step is longer than this. A breaker takes a day at most.
    pub cap: Duration,
}

impl Backoff {
    /// A backoff from `base` doubling up to `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap }
    }

    /// The delay of step `n`, counted from 0, before jitter.
    pub fn step(&self, n: u32) -> Duration {
        let factor = 1u32.checked_shl(n).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// Anywhere from nothing to the step: spreads callers that failed together best, and is what
    /// retries use.
    pub fn full_jitter(&self, n: u32, jitter: Jitter) -> Duration {
        scaled(self.step(n), jitter.sample())
    }

    /// Between half of the step and all of it: for a rest that must have a floor, like the time
    /// that a breaker stays open.
    pub fn half_jitter(&self, n: u32, jitter: Jitter) -> Duration {
        scaled(self.step(n), 0.5 + 0.5 * jitter.sample())
    }

    pub(crate) fn validate(&self, setting: &'static str) -> Result<(), ConfigError> {
        if self.base.is_zero() || self.cap.is_zero() {
            return Err(ConfigError::Zero { setting });
        }
        if self.cap > LONGEST {
            return Err(ConfigError::TooLarge { setting, most: LONGEST.as_secs() });
        }
        Ok(())
    }
}

/// `step` times `factor` of 0 to 1. Seconds as a float round up now and then: past the step, or past
/// what a duration can hold.
fn scaled(step: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(step.as_secs_f64() * factor).map_or(step, |time| time.min(step))
}

/// A source of chance between 0 and 1: injected, so that tests and simulations repeat.
#[derive(Clone, Copy)]
pub struct Jitter(fn() -> f64);

impl Jitter {
    /// Uniform, from `fastrand`'s generator of the current thread, which `fastrand::seed` fixes.
    pub const RANDOM: Self = Self(fastrand::f64);

    /// Always 1: delays are the steps themselves.
    pub const NONE: Self = Self(|| 1.0);

    /// Draws from `sample`; what lies outside 0..=1 is clamped.
    pub const fn from_fn(sample: fn() -> f64) -> Self {
        Self(sample)
    }

    fn sample(self) -> f64 {
        let drawn = (self.0)();
        // A NaN passes through `clamp`.
        if drawn.is_nan() { 1.0 } else { drawn.clamp(0.0, 1.0) }
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(100));

    #[test]
    fn steps_double_up_to_the_cap_and_never_overflow() {
        let steps: Vec<_> = (0..5).map(|n| BACKOFF.step(n).as_millis()).collect();
        assert_eq!(steps, [10, 20, 40, 80, 100]);
        assert_eq!(BACKOFF.step(u32::MAX), BACKOFF.cap);
        let endless = Backoff::new(Duration::MAX, Duration::MAX);
        assert_eq!(endless.step(40), Duration::MAX);
    }

    #[test]
    fn jitter_spreads_within_its_bounds() {
        let none = Jitter::from_fn(|| 0.0);
        assert_eq!(BACKOFF.full_jitter(1, none), Duration::ZERO);
        assert_eq!(BACKOFF.half_jitter(1, none), Duration::from_millis(10));
        assert_eq!(BACKOFF.full_jitter(1, Jitter::NONE), Duration::from_millis(20));
        for _ in 0..1000 {
            assert!(BACKOFF.full_jitter(2, Jitter::RANDOM) <= BACKOFF.step(2));
        }
    }

    #[test]
    fn a_nonsense_sample_is_tamed() {
        for sample in [|| f64::NAN, || 7.0, || f64::INFINITY] {
            let drawn = BACKOFF.full_jitter(0, Jitter::from_fn(sample));
            assert_eq!(drawn, BACKOFF.base);
        }
        let below = Jitter::from_fn(|| -3.0);
        assert_eq!(BACKOFF.full_jitter(0, below), Duration::ZERO);
    }

    #[test]
    fn the_longest_step_is_no_panic_and_jitter_never_lengthens_a_step() {
        let endless = Backoff::new(Duration::MAX, Duration::MAX);
        for sample in [|| 1.0, || 1.0 - f64::EPSILON / 2.0] {
            let jitter = Jitter::from_fn(sample);
            assert!(endless.full_jitter(0, jitter) > Duration::from_secs(u64::MAX / 2));
            assert!(endless.half_jitter(0, jitter) > Duration::from_secs(u64::MAX / 2));
        }
        for nanos in [1, 3, 999_999_999, (1 << 53) + 1, u64::MAX] {
            let step = Duration::from_nanos(nanos);
            assert_eq!(Backoff::new(step, step).full_jitter(0, Jitter::NONE), step);
        }
    }

    #[test]
    fn a_backoff_of_nothing_is_no_pause() {
        assert_eq!(Backoff::new(Duration::ZERO, BACKOFF.cap).step(7), Duration::ZERO);
        assert_eq!(Backoff::new(BACKOFF.base, Duration::ZERO).step(7), Duration::ZERO);
    }
}
