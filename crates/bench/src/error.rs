//! Why a measurement failed.

use std::io;

/// A failed measurement. A target that is missed is no failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file system, a socket or a child process.
    #[error("input or output")]
    Io(#[from] io::Error),
    /// The measurement of the suite.
    #[cfg(feature = "stack")]
    #[error("the suite")]
    Stack(#[source] Box<crate::stack::Fault>),
    /// The comparison of storage engines.
    #[cfg(feature = "stores")]
    #[error("comparison of stores")]
    Stores(#[from] crate::stores::Error),
    /// The storage engine by itself.
    #[error("fjall")]
    Fjall(#[from] fjall::Error),
    /// The embedded backends did not open.
    #[error("embedded backends")]
    Open(#[from] kudos_embedded::OpenError),
    /// The store refused a like.
    #[error("a like was refused: {0}")]
    Refused(#[from] kudos_core::ApplyError),
    /// A port failed.
    #[error("a port failed")]
    Port(#[from] kudos_core::PortError),
    /// A task of the load was lost.
    #[error("a task was lost")]
    Task(#[from] tokio::task::JoinError),
    /// A commit of the rehearsal wrote a record that is not there.
    #[error("commit {0} of the rehearsal is incomplete")]
    NoRecord(u64),
    /// The store writes its log in another form than this program knows.
    #[error("the store's log cannot be read")]
    Record(#[source] postcard::Error),
    /// The server under load said something else than success.
    #[error("the server answered: {0}")]
    Answer(String),
    /// The server under load did not start.
    #[error("the server did not start")]
    NoServer,
    /// A page was refused.
    #[error("a page was refused: {0:?}")]
    Query(kudos_query::QueryError),
    /// A page under load came from a copy that is second best, or lacks posts.
    #[error("a page was degraded or short")]
    Degraded,
    /// A key for cursors could not be made.
    #[error("no key for cursors: {0}")]
    Cursors(String),
    /// A child process that measured said no figure.
    #[error("the child process ended without a figure")]
    NoFigure,
    /// A program of PostgreSQL failed.
    #[error("PostgreSQL's {program} failed: {said}")]
    Postgres {
        /// Which one.
        program: &'static str,
        /// What it wrote to standard error.
        said: String,
    },
    /// PostgreSQL refused a statement.
    #[error("PostgreSQL")]
    Sql(#[from] tokio_postgres::Error),
    /// The counts after a run are not those of the acknowledged likes.
    #[error("{acknowledged} likes were acknowledged, {counted} are counted")]
    Miscounted {
        /// Likes that were answered with success.
        acknowledged: u64,
        /// What the counts say.
        counted: u64,
    },
}

#[cfg(feature = "stack")]
impl From<crate::stack::Fault> for Error {
    fn from(fault: crate::stack::Fault) -> Self {
        Self::Stack(Box::new(fault))
    }
}
