//! How the index may fail, and which failures a new index heals.

use std::io;

use kudos_core::PortError;
use tantivy::TantivyError;
use tantivy::directory::error::{OpenDirectoryError, OpenReadError, OpenWriteError};

/// Why work on the index failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum Fault {
    /// The files are missing, unreadable or do not belong to the store: only building them anew
    /// from the store helps.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Something that may pass.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl From<Fault> for PortError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Damaged(what) => Self::Corrupt(format!("text index: {what}")),
            Fault::Port(error) => error,
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Port(PortError::NoSpace)
            }
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Port(PortError::Unavailable(format!("text index: {error}"))),
        }
    }
}

impl From<TantivyError> for Fault {
    fn from(error: TantivyError) -> Self {
        let damaged = matches!(
            error,
            TantivyError::OpenDirectoryError(OpenDirectoryError::DoesNotExist(_))
                | TantivyError::OpenReadError(
                    OpenReadError::FileDoesNotExist(_) | OpenReadError::IncompatibleIndex(_)
                )
                | TantivyError::DataCorruption(_)
                | TantivyError::DeserializeError(_)
                | TantivyError::IncompatibleIndex(_)
                | TantivyError::SchemaError(_)
        );
        match io_kind(&error) {
            Some(kind) => Self::from(io::Error::new(kind, error.to_string())),
            None if damaged => Self::Damaged(error.to_string()),
            None => Self::Port(PortError::Unavailable(format!("text index: {error}"))),
        }
    }
}

fn io_kind(error: &TantivyError) -> Option<io::ErrorKind> {
    match error {
        TantivyError::IoError(error) => Some(error.kind()),
        TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error, .. })
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error, .. }) => {
            Some(io_error.kind())
        }
        _ => None,
    }
}
