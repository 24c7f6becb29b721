use std::collections::VecDeque;

use async_trait::async_trait;
use kudos_core::ports::{EventLog, LogError, LogPage, Position};
use kudos_core::{Change, PortError};
use parking_lot::Mutex;
use tokio::sync::watch;

/// The event log in memory: one partition, whose offsets count the changes from the first.
#[derive(Debug, Default)]
pub struct MemoryLog {
    held: Mutex<Held>,
    /// The head, for those who wait for it to move.
    grown: watch::Sender<u64>,
}

#[derive(Debug, Clone, Default)]
struct Held {
    /// The offset of the first change that is still held.
    first: u64,
    changes: VecDeque<Change>,
}

impl Held {
    fn head(&self) -> u64 {
        self.first + self.changes.len() as u64
    }
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a change at the end, unless the log holds it.
    pub fn append(&self, change: Change) {
        let mut held = self.held.lock();
        if held.changes.contains(&change) {
            return;
        }
        held.changes.push_back(change);
        self.grown.send_replace(held.head());
    }

    /// A copy that shares nothing with this one.
    pub fn fork(&self) -> Self {
        let held = self.held.lock().clone();
        Self { grown: watch::Sender::new(held.head()), held: Mutex::new(held) }
    }

    /// Forgets all but the last `keep` changes, as a bounded log does.
    pub fn trim(&self, keep: usize) {
        let mut held = self.held.lock();
        let surplus = held.changes.len().saturating_sub(keep);
        held.changes.drain(..surplus);
        held.first += surplus as u64;
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn publish(&self, change: &Change) -> Result<(), PortError> {
        self.append(change.clone());
        Ok(())
    }

    async fn read(&self, after: &Position, limit: usize) -> Result<LogPage, LogError> {
        let held = self.held.lock();
        let &[offset] = after.0.as_slice() else {
            return Err(LogError::Gone);
        };
        if !(held.first..=held.head()).contains(&offset) {
            return Err(LogError::Gone);
        }
        let skipped = usize::try_from(offset - held.first).unwrap_or(usize::MAX);
        let changes: Vec<Change> = held.changes.iter().skip(skipped).take(limit).cloned().collect();
        let next = Position(vec![offset + changes.len() as u64]);
        Ok(LogPage { changes, next })
    }

    async fn head(&self) -> Result<Position, PortError> {
        Ok(Position(vec![self.held.lock().head()]))
    }

    async fn grown(&self, after: &Position) -> Result<(), PortError> {
        let &[offset] = after.0.as_slice() else {
            return Ok(());
        };
        let mut grown = self.grown.subscribe();
        // The sender lives as long as `self`, so the wait ends only by growth.
        let _ = grown.wait_for(|&head| head != offset).await;
        Ok(())
    }
}
