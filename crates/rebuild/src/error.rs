use std::io;
use std::path::PathBuf;

use kudos_core::PortError;

/// Why a rebuild ended before its end. What it has done stays done, and it can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// A backend did not answer for longer than it is waited for.
    #[error("{what} failed again and again")]
    Port {
        /// What was asked for.
        what: &'static str,
        /// The last answer.
        #[source]
        error: PortError,
    },
    /// The checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It cannot be read or written.
    #[error("the checkpoint {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// It is no checkpoint, or that of another version.
    #[error("{path} is not a checkpoint of this program")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It belongs to a rebuild of something else.
    #[error("{path} is of another rebuild ({found}), and this one is {wanted}")]
    Other {
        /// The file.
        path: PathBuf,
        /// What that one rebuilds.
        found: String,
        /// What this one rebuilds.
        wanted: String,
    },
}
