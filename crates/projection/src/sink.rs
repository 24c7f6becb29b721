//! What follows the truth, and what it is told.

use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::{EventLog, LiveCounts};
use kudos_core::{Change, PortError, Snapshot};

/// Something that follows the truth.
#[async_trait]
pub trait Sink: Send + Sync {
    /// A short, constant name for metrics and the journal.
    fn name(&self) -> &'static str;

    /// Takes over the state of a change if it is newer than what the sink holds.
    async fn change(&self, change: &Change) -> Result<(), PortError>;

    /// The same of several, in any order.
    async fn changes(&self, changes: &[Change]) -> Result<(), PortError> {
        futures::future::try_join_all(changes.iter().map(|change| self.change(change))).await?;
        Ok(())
    }

    /// Takes over all of some posts: text, visibility, counts. It mends what was missed.
    async fn restate(&self, snapshots: &[Snapshot]) -> Result<(), PortError>;
}

/// The live counts as a sink.
pub struct LiveSink(pub Arc<dyn LiveCounts>);

#[async_trait]
impl Sink for LiveSink {
    fn name(&self) -> &'static str {
        "live"
    }

    async fn change(&self, change: &Change) -> Result<(), PortError> {
        self.0.merge(std::slice::from_ref(&change.state)).await
    }

    async fn changes(&self, changes: &[Change]) -> Result<(), PortError> {
        let states: Vec<_> = changes.iter().map(|change| change.state.clone()).collect();
        self.0.merge(&states).await
    }

    async fn restate(&self, snapshots: &[Snapshot]) -> Result<(), PortError> {
        self.0.restate(snapshots).await
    }
}

/// The event log as a sink.
pub struct LogSink(pub Arc<dyn EventLog>);

#[async_trait]
impl Sink for LogSink {
    fn name(&self) -> &'static str {
        "log"
    }

    async fn change(&self, change: &Change) -> Result<(), PortError> {
        self.0.publish(change).await
    }

    async fn restate(&self, snapshots: &[Snapshot]) -> Result<(), PortError> {
        // Who reads the log learns that the post has another state, and reads what it needs.
        let changes: Vec<_> = snapshots
            .iter()
            .map(|snapshot| Change { state: snapshot.state.clone(), users: Vec::new() })
            .collect();
        futures::future::try_join_all(changes.iter().map(|change| self.0.publish(change))).await?;
        Ok(())
    }
}
