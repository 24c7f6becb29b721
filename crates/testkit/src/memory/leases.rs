use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::PortError;
use kudos_core::ports::Leases;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Leases in memory, on tokio's clock, which a test can pause.
#[derive(Debug, Default)]
pub struct MemoryLeases(Mutex<BTreeMap<String, (String, Instant)>>);

impl MemoryLeases {
    /// Nobody holds anything.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Leases for MemoryLeases {
    async fn hold(&self, name: &str, holder: &str, span: Duration) -> Result<bool, PortError> {
        let (mut held, now) = (self.0.lock(), Instant::now());
        let free = match held.get(name) {
            Some((other, until)) => other == holder || *until <= now,
            None => true,
        };
        if free {
            held.insert(name.to_owned(), (holder.to_owned(), now + span));
        }
        Ok(free)
    }

    async fn release(&self, name: &str, holder: &str) -> Result<(), PortError> {
        let mut held = self.0.lock();
        if held.get(name).is_some_and(|(other, _)| other == holder) {
            held.remove(name);
        }
        Ok(())
    }
}
