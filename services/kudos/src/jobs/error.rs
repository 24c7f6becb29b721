use std::io;
use std::path::PathBuf;

use kudos_core::{ApplyError, IdError, PortError};
use kudos_embedded::OpenError;

/// Why a job was not done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("an id of the seed: {0}")]
    Id(#[from] IdError),
    #[error("each user reacts to a post once: there can be at most posts × users reactions")]
    TooManyReactions,
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A server runs on the folder, but cannot be asked.
    #[error(
        "another process uses the data folder, and it cannot be asked to do this over {}: {source}",
        .socket.display()
    )]
    NoControl { socket: PathBuf, source: io::Error },
    /// The running server broke off.
    #[error("the running server ended the connection before the command was done")]
    Disconnected,
    /// What the running server said.
    #[error("{0}")]
    Remote(String),
}
