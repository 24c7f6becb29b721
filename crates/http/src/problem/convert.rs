//! Failures of the core as problems.

use std::time::Duration;

use kudos_core::ports::LogError;
use kudos_core::{ApplyError, IdError, PortError};

use super::{Problem, UserIdFault};

impl From<PortError> for Problem {
    fn from(error: PortError) -> Self {
        match error {
            // Not logged here: the breaker in front of a backend logs the transition once.
            PortError::Unavailable(_) => Self::Unavailable { retry_after: Duration::from_secs(1) },
            PortError::Timeout => Self::Timeout,
            PortError::Busy { retry_after } => Self::Unavailable { retry_after },
            PortError::NoSpace => Self::NoSpace,
            PortError::Corrupt(_) => Self::internal(&error),
        }
    }
}

impl From<ApplyError> for Problem {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Stale => Self::StaleOperation,
            ApplyError::KeyReused => Self::KeyReused,
            ApplyError::Port(port) => port.into(),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            // Readers answer a lost position with the present state; only a bug lets it out.
            LogError::Gone => Self::internal(&error),
            LogError::Port(port) => port.into(),
        }
    }
}

impl From<IdError> for Problem {
    /// An identifier without other context is a post's: users are named by headers and tokens.
    fn from(error: IdError) -> Self {
        Self::InvalidPostId(error)
    }
}

impl Problem {
    /// A user id refused where it was given.
    pub fn user_id(field: &'static str, reason: impl Into<UserIdFault>) -> Self {
        Self::InvalidUserId { field, reason: reason.into() }
    }

    /// A post id refused within a body, such as `posts[3]`.
    pub fn post_id_at(field: impl Into<String>, error: &IdError) -> Self {
        Self::body(field, error.to_string())
    }
}
