//! Records that are of no use, until they are where a person can look at them.

use std::collections::BTreeMap;

use kudos_core::ports::Record;
use tokio::time::Instant;

/// The most records that wait to be set aside before the feed is left alone.
const WAITING: usize = 1_000;

/// Records with their reasons, by arrival and the lane that refused them. One is sent at a time.
#[derive(Default)]
pub(super) struct Aside {
    waiting: BTreeMap<(u64, usize), (Record, String)>,
    flying: bool,
    pub(super) failures: u32,
    pub(super) rests_until: Option<Instant>,
}

impl Aside {
    pub(super) fn add(&mut self, key: (u64, usize), record: Record, reason: String) {
        self.waiting.insert(key, (record, reason));
    }

    /// The next to send, if none is on its way.
    pub(super) fn take(&mut self, now: Instant) -> Option<((u64, usize), Record, String)> {
        if self.flying || self.rests_until.is_some_and(|until| until > now) {
            return None;
        }
        let (key, (record, reason)) = self.waiting.first_key_value()?;
        self.flying = true;
        Some((*key, record.clone(), reason.clone()))
    }

    /// One was sent, or not: then it is sent again after a rest.
    pub(super) fn land(&mut self, key: (u64, usize), again_at: Option<Instant>) {
        self.flying = false;
        self.rests_until = again_at;
        if again_at.is_none() {
            self.failures = 0;
            self.waiting.remove(&key);
        }
    }

    /// When a rest is over and something waits for it.
    pub(super) fn due(&self) -> Option<Instant> {
        self.rests_until.filter(|_| !self.waiting.is_empty() && !self.flying)
    }

    /// The earliest arrival that is not set aside.
    pub(super) fn earliest(&self) -> Option<u64> {
        self.waiting.first_key_value().map(|((arrival, _), _)| *arrival)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING
    }
}
