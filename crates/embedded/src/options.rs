//! How much the embedded store may use.

use std::path::PathBuf;

use kudos_core::{Kinds, PortError};

/// Sizes of the store. The defaults suit a laptop and a small server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The deployment's kinds; a folder written under other kinds is refused.
    pub kinds: Kinds,
    /// Cached blocks of the store, in bytes.
    pub cache_bytes: u64,
    /// One keyspace's table in memory, in bytes. What is in memory is read again from the journal
    /// at start, at about 28 MB/s, so a small table is what makes a start fast.
    pub memtable_bytes: u64,
    /// Write-ahead journals that are full, in bytes, before what keeps them is flushed; at least
    /// 64 MiB. A start after a crash reads them again, and up to 64 MiB of the one in use.
    pub journal_bytes: u64,
    /// The event log, in bytes; older events are dropped.
    pub log_bytes: u64,
    /// Commands that may wait for the committer.
    pub queue: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            kinds: Kinds::default(),
            cache_bytes: 128 << 20,
            memtable_bytes: 8 << 20,
            journal_bytes: 64 << 20,
            log_bytes: 256 << 20,
            queue: 4096,
        }
    }
}

/// Why the embedded backends do not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made.
    #[error("cannot make the data folder {}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process has the folder open.
    #[error("the data folder {} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// The folder was written with kinds that the present ones do not extend.
    #[error(
        "the data was written with the kinds {stored:?}; the configured {configured:?} must keep \
         them, in that order, and may only append"
    )]
    Kinds {
        /// The kinds of the folder.
        stored: Vec<String>,
        /// The kinds of the configuration.
        configured: Vec<String>,
    },
    /// The store does not open.
    #[error("cannot open the store")]
    Store(#[from] PortError),
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}
