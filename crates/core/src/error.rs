//! How a backend may fail.

use std::time::Duration;

/// A backend could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Nobody answers, or the backend said that it cannot now.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// No answer within the time given.
    #[error("no answer in time")]
    Timeout,
    /// Its bounded queue is full: the caller should come back after the given time.
    #[error("too busy")]
    Busy {
        /// When a retry is likely to be taken.
        retry_after: Duration,
    },
    /// No room left to store anything; what is stored can still be read.
    #[error("no space left to write")]
    NoSpace,
    /// What is stored cannot be understood or contradicts itself.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
}

impl PortError {
    /// A short, bounded word for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Timeout => "timeout",
            Self::Busy { .. } => "busy",
            Self::NoSpace => "no_space",
            Self::Corrupt(_) => "corrupt",
        }
    }
}

/// An operation was not applied, or nobody knows whether it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The user's row has forgotten operations at least as new as this one: whether it was applied
    /// before cannot be known, so it is refused.
    #[error("this operation is older than those that are remembered")]
    Stale,
    /// The operation id was used before for another request.
    #[error("this operation id belongs to another request")]
    KeyReused,
    /// The truth could not be reached or could not store. Whether the operation was applied is
    /// unknown, unless [`PortError::Busy`]; sending it again is safe in every case.
    #[error(transparent)]
    Port(#[from] PortError),
}
