//! What the indexer shows to the searches: the newest state to search, and how far behind it is.

use std::sync::Arc;
use std::time::Instant;

use kudos_core::PortError;
use parking_lot::{Mutex, RwLock};

use super::snapshot::Snapshot;

/// How far the index is behind the store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lag {
    /// Changes of posts that are durable in the store and not in the index.
    pub revisions: u64,
    /// Since when the index has been catching up without arriving; none if it is up to date.
    pub since: Option<Instant>,
    /// Whether the index is being built anew: most posts may not be found yet.
    pub rebuilding: bool,
    /// Why the last try to catch up failed.
    pub failure: Option<PortError>,
}

/// Shared by the indexer, which writes it, and the searches.
#[derive(Default)]
pub(super) struct State {
    snapshot: RwLock<Option<Arc<Snapshot>>>,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    indexed: u64,
    rebuilding: bool,
    since: Option<Instant>,
    failure: Option<PortError>,
}

impl State {
    /// The newest state to search.
    pub(super) fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.read().clone()
    }

    /// Shows a new state to search, which reaches to revision `indexed`.
    pub(super) fn publish(&self, snapshot: Snapshot, indexed: u64, rebuilding: bool) {
        *self.snapshot.write() = Some(Arc::new(snapshot));
        let mut progress = self.progress.lock();
        (progress.indexed, progress.rebuilding) = (indexed, rebuilding);
    }

    /// Catching up begins, or goes on.
    pub(super) fn begin(&self) {
        self.progress.lock().since.get_or_insert_with(Instant::now);
    }

    /// Catching up has arrived.
    pub(super) fn arrive(&self) {
        let mut progress = self.progress.lock();
        progress.since = None;
        if progress.failure.take().is_some() {
            tracing::info!("the text index follows the posts again");
        }
    }

    /// A try to catch up failed. Only the first of a row is logged.
    pub(super) fn fail(&self, error: &PortError) {
        let mut progress = self.progress.lock();
        if progress.failure.replace(error.clone()).is_none() {
            tracing::warn!(%error, "the text index falls behind; searches miss the newest posts");
        }
    }

    /// The last revision that can be found.
    pub(super) fn indexed(&self) -> u64 {
        self.progress.lock().indexed
    }

    /// Whether catching up has begun and not arrived.
    pub(super) fn is_behind(&self) -> bool {
        self.progress.lock().since.is_some()
    }

    /// How far the index is behind a store that has come to revision `end`.
    pub(super) fn lag(&self, end: u64) -> Lag {
        let progress = self.progress.lock();
        Lag {
            revisions: end.saturating_sub(progress.indexed),
            since: progress.since,
            rebuilding: progress.rebuilding,
            failure: progress.failure.clone(),
        }
    }
}
