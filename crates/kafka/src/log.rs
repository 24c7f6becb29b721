use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{EventLog, LogError, LogPage, Position, TimedLog};
use kudos_core::{Change, Kinds, Millis, PortError};
use tokio::time::timeout;

use crate::fault::KafkaFault;
use crate::offsets::{Offsets, Place};
use crate::publisher::Publisher;
use crate::reader::Readers;
use crate::settings::KafkaSettings;

/// The longest wait at the head. Then the reader looks again, in case that the topic was replaced.
const PATIENCE: Duration = Duration::from_secs(30);

/// The log of changes: a topic, keyed by post.
///
/// A position has an offset for each partition. A page holds the changes of all partitions, by the
/// time that the broker gave them, and those of a post in their order.
pub struct KafkaLog {
    kinds: Arc<Kinds>,
    publisher: Publisher,
    offsets: Offsets,
    readers: Readers,
}

impl KafkaLog {
    /// A log whose brokers may be down: it picks them up when they come. Has to be called within a
    /// runtime.
    ///
    /// # Errors
    /// [`KafkaFault::Setting`] if the client refuses a setting.
    pub fn new(settings: &KafkaSettings, kinds: Arc<Kinds>) -> Result<Self, KafkaFault> {
        Ok(Self {
            kinds,
            publisher: Publisher::new(settings)?,
            offsets: Offsets::new(settings)?,
            readers: Readers::new(settings),
        })
    }

    /// The first position that is still held.
    ///
    /// # Errors
    /// As the brokers fail.
    pub async fn beginning(&self) -> Result<Position, PortError> {
        self.offsets.find(Place::Beginning).await.map(Position)
    }

    /// Changes that wait to be delivered.
    pub fn queued(&self) -> u64 {
        self.publisher.queued()
    }

    /// Delivers what is queued, for `grace` at most. True if nothing is left.
    pub async fn flush(&self, grace: Duration) -> bool {
        self.publisher.flush(grace).await
    }
}

#[async_trait]
impl EventLog for KafkaLog {
    /// Returns when all replicas in sync have the change. A dropped future takes nothing back: what
    /// is queued is sent.
    async fn publish(&self, change: &Change) -> Result<(), PortError> {
        self.publisher.publish(change, &self.kinds).await
    }

    async fn read(&self, after: &Position, limit: usize) -> Result<LogPage, LogError> {
        let ends = self.offsets.find(Place::End).await?;
        if after.0.len() != ends.len() || after.0.iter().zip(&ends).any(|(at, end)| at > end) {
            return Err(LogError::Gone);
        }
        if after.0 == ends {
            return Ok(LogPage { changes: Vec::new(), next: after.clone() });
        }
        let mut reader = self.readers.lease(Some(after)).await?;
        reader.page(&ends, limit.max(1), &self.kinds).await
    }

    async fn head(&self) -> Result<Position, PortError> {
        self.offsets.find(Place::End).await.map(Position)
    }

    async fn grown(&self, after: &Position) -> Result<(), PortError> {
        if self.head().await? != *after {
            return Ok(());
        }
        let mut reader = self.readers.lease(Some(after)).await?;
        // Nothing came, which the reader finds out soon enough.
        let _ = timeout(PATIENCE, reader.peek()).await;
        Ok(())
    }
}

#[async_trait]
impl TimedLog for KafkaLog {
    async fn since(&self, at: Millis) -> Result<Position, PortError> {
        self.offsets.find(Place::Since(at)).await.map(Position)
    }
}
