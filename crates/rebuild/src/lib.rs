//! How the live counts are filled anew, from the truth or from the log, over ports only.
//!
//! | question | file |
//! |---|---|
//! | what is rebuilt, and what stays as it is? | `scope.rs` |
//! | how is all of the truth read, and no faster than it can be written? | `walk.rs` |
//! | in which order does it come from the truth? | `truth.rs` |
//! | how does it come from the log, and what can the log not tell? | `log.rs` |
//! | is the result right, and how does what the truth does not know go away? | `proof.rs` |
//! | how does a rebuild that was killed go on? | `checkpoint.rs` |
//! | how far is it? | `progress.rs` |
//!
//! Everything that is written is absolute and has a version, so likes may arrive all the while: what
//! a writer tells is newer, and stays. Nothing is emptied first. What is there is served, and what
//! is not there yet is answered by the truth as before, so the hottest posts come first.
//!
//! A rebuild is one future: dropping it at any point leaves something that can be resumed.

mod checkpoint;
mod error;
mod log;
mod progress;
mod proof;
mod report;
mod retry;
mod scope;
mod truth;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{Completeness, LiveCounts, Mirror, Snapshots};
use kudos_core::{Clock, Kinds};

pub use checkpoint::Checkpoint;
pub use error::{CheckpointError, RebuildError};
pub use log::Rest;
pub use progress::{Phase, Progress, Step};
pub use report::RebuildReport;
pub use scope::Scope;

/// What a rebuild works on.
pub struct Ports {
    /// What everything is read from.
    pub truth: Arc<dyn Snapshots>,
    /// What is filled.
    pub live: Arc<dyn LiveCounts>,
    /// The same, to compare it with the truth; what others follow comes first.
    pub mirrors: Vec<Arc<dyn Mirror>>,
    /// Whether its orders lack posts.
    pub completeness: Arc<dyn Completeness>,
    /// Tells since when the log is replayed.
    pub clock: Arc<dyn Clock>,
    /// The kinds of reactions.
    pub kinds: Kinds,
}

/// How much is done at a time, and how long anything is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Shares of the truth that are read side by side. Each holds up to three pages in memory.
    pub lanes: usize,
    /// Posts of one page.
    pub page: usize,
    /// Changes of one page of the log.
    pub log_page: usize,
    /// The hottest posts that come before all others.
    pub hottest: usize,
    /// The longest that one call may take.
    pub call: Duration,
    /// How long a call that fails is tried again before the rebuild ends.
    pub patience: Duration,
    /// How long a difference is left alone before it is looked at again: a write under way arrives.
    pub settle: Duration,
    /// The least time between two checkpoints.
    pub save_every: Duration,
    /// After so many events of the log, a line is told.
    pub events_a_line: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lanes: 8,
            page: 256,
            log_page: 30_000,
            hottest: 1_000,
            call: Duration::from_secs(10),
            patience: Duration::from_secs(60),
            settle: Duration::from_secs(1),
            save_every: Duration::from_millis(500),
            events_a_line: 100_000,
        }
    }
}

/// A rebuild of the live counts.
pub struct Rebuild {
    ports: Ports,
    scope: Arc<Scope>,
    limits: Limits,
    progress: Arc<Progress>,
}

impl Rebuild {
    /// A rebuild that has not begun.
    pub fn new(ports: Ports, scope: Scope, limits: Limits, progress: Arc<Progress>) -> Self {
        Self { ports, scope: Arc::new(scope), limits, progress }
    }
}
