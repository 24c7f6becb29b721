use std::io;
use std::path::PathBuf;

use kudos_core::{ApplyError, IdError, PortError, PostId};
use kudos_embedded::{MaintenanceError, OpenError};
use kudos_import::HeaderError;

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
    #[error(transparent)]
    Maintenance(#[from] MaintenanceError),
    #[error("there is no data in {}", .0.display())]
    NoData(PathBuf),
    #[error("the post {0} is not known")]
    UnknownPost(PostId),
    #[error("{}: name the format with --format, the extension does not tell it", .0.display())]
    Format(PathBuf),
    #[error("{}: {error}", .path.display())]
    Header { path: PathBuf, error: HeaderError },
    #[error("{}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the work panicked: {0}")]
    Panicked(#[from] tokio::task::JoinError),
    /// A server runs on the folder, but cannot be asked.
    #[error(
        "another process uses the data folder, and it cannot be asked to do this over {}",
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
