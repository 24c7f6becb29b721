use async_trait::async_trait;

use crate::change::Change;
use crate::error::PortError;
use crate::time::Millis;

/// A record of the log as one of several consumers that share it receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its partition.
    pub partition: u32,
    /// Its place in the partition.
    pub offset: u64,
    /// When it was put into the log; zero if that is not known.
    pub at: Millis,
    /// The change, or why the record cannot be understood.
    pub change: Result<Change, String>,
}

/// The log, shared by the instances of a consumer: each record goes to one of them, at least
/// once; the records of an instance that dies go to another.
#[async_trait]
pub trait ChangeFeed: Send + Sync {
    /// The next records, at least one and at most `limit`: waits for them. Dropping the future
    /// loses none.
    async fn next(&self, limit: usize) -> Result<Vec<Record>, PortError>;

    /// What lies before `offset` in `partition` is done with and need not come again. Does
    /// nothing for a partition that went to another instance.
    async fn commit(&self, done: &[(u32, u64)]) -> Result<(), PortError>;

    /// Puts a record that cannot be used where a person can look at it, with the reason.
    async fn set_aside(&self, record: &Record, reason: &str) -> Result<(), PortError>;
}
