//! Errors shared by the pieces.

use crate::{Elapsed, Full, Open, Reason};

/// A ready-made error for a guarded call: the guards' refusals beside the call's own failure.
///
/// Wrap the innermost call with `.map_err(CallError::Failed)`; all the pieces around it then speak
/// this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The deadline passed first; whether the call had an effect is unknown.
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
    /// The node's breaker is open; nothing was sent.
    #[error(transparent)]
    Open(#[from] Open),
    /// The bulkhead is full; nothing was sent.
    #[error(transparent)]
    Full(#[from] Full),
    /// The call itself failed.
    #[error("the call failed")]
    Failed(#[source] E),
}

impl<E> From<CallError<E>> for Reason {
    fn from(error: CallError<E>) -> Self {
        match error {
            CallError::Elapsed(error) => error.into(),
            CallError::Open(error) => error.into(),
            CallError::Full(error) => error.into(),
            CallError::Failed(_) => Self::Error,
        }
    }
}

impl From<Elapsed> for Reason {
    fn from(Elapsed: Elapsed) -> Self {
        Self::Timeout
    }
}

impl From<Open> for Reason {
    fn from(_: Open) -> Self {
        Self::Open
    }
}

impl From<Full> for Reason {
    fn from(Full: Full) -> Self {
        Self::Full
    }
}

/// A setting that makes no sense, refused when the piece is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The setting must be more than nothing.
    #[error("{setting} must be greater than zero")]
    Zero {
        /// The setting's field name.
        setting: &'static str,
    },
    /// The setting is beyond its limit.
    #[error("{setting} must be at most {most}")]
    TooLarge {
        /// The setting's field name.
        setting: &'static str,
        /// The largest value allowed, in the setting's unit, or in seconds.
        most: u64,
    },
}

impl ConfigError {
    /// Checks that `value` is between 1 and `most`.
    pub(crate) fn check_range(setting: &'static str, value: u64, most: u64) -> Result<(), Self> {
        match value {
            0 => Err(Self::Zero { setting }),
            v if v > most => Err(Self::TooLarge { setting, most }),
            _ => Ok(()),
        }
    }
}
