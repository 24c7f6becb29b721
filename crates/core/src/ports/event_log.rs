use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;

use crate::change::Change;
use crate::error::PortError;
use crate::time::Millis;

/// A place in the log: how far each partition was read. Written as numbers joined by dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position(pub Vec<u64>);

impl Position {
    /// Whether there is more to read up to `end` in some partition.
    pub fn is_before(&self, end: &Self) -> bool {
        self.0.len() == end.0.len() && self.0.iter().zip(&end.0).any(|(at, end)| at < end)
    }
}

/// The most partitions of a position, a bound on what a client may send.
pub const MAX_PARTITIONS: usize = 256;

/// A text that is not a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_PARTITIONS} numbers joined by dots")]
pub struct PositionError;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, offset) in self.0.iter().enumerate() {
            let dot = if i > 0 { "." } else { "" };
            write!(f, "{dot}{offset}")?;
        }
        Ok(())
    }
}

impl FromStr for Position {
    type Err = PositionError;
    fn from_str(text: &str) -> Result<Self, PositionError> {
        let offsets = text.split('.').take(MAX_PARTITIONS + 1).map(str::parse);
        let offsets: Vec<u64> = offsets.collect::<Result<_, _>>().map_err(|_| PositionError)?;
        match offsets.len() {
            1..=MAX_PARTITIONS => Ok(Self(offsets)),
            _ => Err(PositionError),
        }
    }
}

/// Part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The changes, in order within each post.
    pub changes: Vec<Change>,
    /// Where the next page begins.
    pub next: Position,
}

/// Why the log cannot be read from a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The log no longer holds it, or never did: the reader takes the present state from the
    /// counts and continues at the head.
    #[error("the log does not hold this position")]
    Gone,
    /// The log could not be reached.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The log of committed changes: bounded, ordered by post, resumable.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Puts a committed change into the log, at least once. A backend that writes its log in the
    /// commit itself has nothing left to do here.
    async fn publish(&self, change: &Change) -> Result<(), PortError>;

    /// The changes behind `after`, about `limit` of them: a commit is not split. Empty at the head.
    async fn read(&self, after: &Position, limit: usize) -> Result<LogPage, LogError>;

    /// The end of the log.
    async fn head(&self) -> Result<Position, PortError>;

    /// Returns when the log may hold something behind `after`.
    async fn grown(&self, after: &Position) -> Result<(), PortError>;
}

/// A log that knows when each change reached it.
#[async_trait]
pub trait TimedLog: EventLog {
    /// Where that begins which reached the log at `at` or later, by the log's own clock; in a
    /// partition where nothing did, its end.
    async fn since(&self, at: Millis) -> Result<Position, PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_as_written() {
        for text in ["0", "7", "7.0.18446744073709551615"] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_position_is_before_another_if_any_partition_is() {
        let before =
            |at: &str, end: &str| at.parse::<Position>().unwrap().is_before(&end.parse().unwrap());
        assert!(before("1.5", "2.5") && before("9.1", "2.2"));
        assert!(!before("2.5", "2.5") && !before("3.5", "2.5"));
        assert!(!before("1", "2.2"), "of another log");
    }

    #[test]
    fn what_is_no_position_is_refused() {
        let many = ["1"; MAX_PARTITIONS + 1].join(".");
        for text in ["", ".", "1.", "-1", "x", "18446744073709551616", &many] {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text}");
        }
    }
}
