//! Bounded concurrency: one slow dependency may not hold every task.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{ConfigError, Deadline, Observer};

/// The sizes of a [`Bulkhead`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkheadConfig {
    /// Calls at once.
    pub concurrency: usize,
    /// Calls that may wait for a slot; 0 means that nobody waits.
    pub queue: usize,
    /// The longest that one call waits, whatever its deadline.
    pub max_wait: Duration,
}

impl Default for BulkheadConfig {
    /// 256 at once, 256 waiting for 100 ms at most.
    fn default() -> Self {
        Self { concurrency: 256, queue: 256, max_wait: Duration::from_millis(100) }
    }
}

/// So many calls at once, so many in a fair queue, and the rest refused at once. A cheap handle:
/// clones share the slots.
#[derive(Clone)]
pub struct Bulkhead(Arc<Inner>);

struct Inner {
    name: &'static str,
    config: BulkheadConfig,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    observer: Arc<dyn Observer>,
}

impl Bulkhead {
    /// An empty bulkhead.
    ///
    /// # Errors
    /// A concurrency of zero or beyond what a semaphore can hold.
    pub fn new(name: &'static str, config: BulkheadConfig) -> Result<Self, ConfigError> {
        Self::observed(name, config, Arc::new(()))
    }

    /// The same, telling `observer` of each refusal.
    ///
    /// # Errors
    /// As [`Bulkhead::new`].
    pub fn observed(
        name: &'static str,
        config: BulkheadConfig,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, ConfigError> {
        let most = Semaphore::MAX_PERMITS as u64;
        ConfigError::check_range("concurrency", config.concurrency as u64, most)?;
        let slots = Arc::new(Semaphore::new(config.concurrency));
        let waiting = AtomicUsize::new(0);
        Ok(Self(Arc::new(Inner { name, config, slots, waiting, observer })))
    }

    /// A slot at once.
    ///
    /// # Errors
    /// [`Full`] if all slots are taken or promised to those who wait.
    pub fn try_enter(&self) -> Result<Slot, Full> {
        self.free_slot().ok_or_else(|| self.refuse())
    }

    /// A slot, waiting in the queue for it if there is room, until `deadline` or `max_wait`.
    /// Dropping the future leaves the queue.
    ///
    /// # Errors
    /// [`Full`] at once if the queue is full too, or when no slot came free in time. Either way the
    /// call was never begun.
    pub async fn enter(&self, deadline: Deadline) -> Result<Slot, Full> {
        if let Some(slot) = self.free_slot() {
            return Ok(slot);
        }
        let Some(_place) = Place::take(&self.0) else {
            return Err(self.refuse());
        };
        let slot = Arc::clone(&self.0.slots).acquire_owned();
        match deadline.within(self.0.config.max_wait).run(slot).await {
            Ok(Ok(permit)) => Ok(Slot { _permit: permit }),
            // The semaphore is never closed, so this is the time-out.
            Ok(Err(_)) | Err(_) => Err(self.refuse()),
        }
    }

    /// Calls that wait in the queue now.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Relaxed)
    }

    /// Slots free now.
    pub fn available(&self) -> usize {
        self.0.slots.available_permits()
    }

    pub(crate) fn free_slot(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.0.slots).try_acquire_owned().ok()?;
        Some(Slot { _permit: permit })
    }

    /// The longest that one call waits.
    pub(crate) fn max_wait(&self) -> Duration {
        self.0.config.max_wait
    }

    fn refuse(&self) -> Full {
        self.0.observer.bulkhead_refused(self.0.name);
        Full
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead")
            .field("name", &self.0.name)
            .field("config", &self.0.config)
            .field("available", &self.available())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

/// A place among the concurrent calls, freed when dropped.
#[derive(Debug)]
#[must_use = "the slot is free again as soon as this is dropped"]
pub struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// A place in the queue, freed when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(inner: &'a Inner) -> Option<Self> {
        let queue = inner.config.queue;
        let join = |waiting: usize| (waiting < queue).then(|| waiting + 1);
        inner.waiting.fetch_update(Relaxed, Relaxed, join).ok()?;
        Some(Self(&inner.waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A bulkhead had no place; the call was never begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("too many calls at once")]
pub struct Full;
