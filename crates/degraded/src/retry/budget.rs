//! The share of calls that may be retries.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{ConfigError, Observer};

/// One retry costs this many units; a call deposits its percentage in them.
const RETRY: u64 = 100;

/// A token bucket shared by all callers of one dependency.
///
/// Each call deposits a fraction of a retry, each retry takes a whole one out. So when everything
/// fails, the load grows by `percent`, and not by the number of attempts. `burst` retries are there
/// at the start, and are the most that quiet times save up.
pub struct RetryBudget {
    name: &'static str,
    percent: u64,
    capacity: u64,
    units: AtomicU64,
    observer: Arc<dyn Observer>,
}

impl RetryBudget {
    /// A full budget: `percent` retries per 100 calls in the long run, `burst` at once.
    ///
    /// # Errors
    /// `percent` outside 1..=100, or a `burst` of zero.
    pub fn new(name: &'static str, percent: u32, burst: u32) -> Result<Self, ConfigError> {
        Self::observed(name, percent, burst, Arc::new(()))
    }

    /// The same, telling `observer` of each retry, made or refused.
    ///
    /// # Errors
    /// As [`RetryBudget::new`].
    pub fn observed(
        name: &'static str,
        percent: u32,
        burst: u32,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, ConfigError> {
        ConfigError::check_range("percent", percent.into(), 100)?;
        ConfigError::check_range("burst", burst.into(), u32::MAX.into())?;
        let capacity = u64::from(burst) * RETRY;
        let (percent, units) = (percent.into(), AtomicU64::new(capacity));
        Ok(Self { name, percent, capacity, units, observer })
    }

    /// Counts a first attempt. Costs a load while the bucket is full.
    pub fn deposit(&self) {
        let add = |units: u64| {
            let full = units >= self.capacity;
            (!full).then(|| (units + self.percent).min(self.capacity))
        };
        // An `Err` says that the bucket was full: nothing to do.
        let _ = self.units.fetch_update(Relaxed, Relaxed, add);
    }

    /// Takes one retry out, if there is one.
    pub fn try_withdraw(&self) -> bool {
        let take = |units: u64| units.checked_sub(RETRY);
        let granted = self.units.fetch_update(Relaxed, Relaxed, take).is_ok();
        if granted {
            self.observer.retried(self.name);
        } else {
            self.observer.retry_refused(self.name);
        }
        granted
    }

    /// Whole retries left.
    pub fn available(&self) -> u64 {
        self.units.load(Relaxed) / RETRY
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("name", &self.name)
            .field("available", &self.available())
            .finish_non_exhaustive()
    }
}
