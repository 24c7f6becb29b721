//! Every port of Kudos on one machine, with no server beside it.
//!
//! [`Embedded::open`] gives the durable store ([`Store`]: reactions, posts, event log), counts
//! and ranks in memory ([`Board`]) and the full-text index ([`TextIndex`]). They differ from the
//! distributed backends in one way that simplifies much: the commit that makes a reaction durable
//! also writes its event, so there is no sink that could miss it.

mod backup;
mod board;
mod explain;
mod index;
mod maintenance;
mod options;
mod store;

use std::path::Path;
use std::sync::Arc;

use kudos_core::Clock;

pub use backup::Backup;
pub use board::Board;
pub use explain::Explanation;
pub use index::{Lag, TextIndex};
pub use maintenance::{MaintenanceError, Step, Watch};
pub use options::{OpenError, Options};
pub use store::{Audit, Difference, Recount, Side, Store};

/// All backends over one data folder. Clones share them.
#[derive(Clone)]
pub struct Embedded {
    /// Reactions, posts and the event log.
    pub store: Arc<Store>,
    /// Counts and ranks.
    pub board: Arc<Board>,
    /// Full-text search.
    pub index: Arc<TextIndex>,
}

impl Embedded {
    /// Opens the data folder, which is made if it is not there, and locks it for this process.
    pub fn open(
        folder: &Path,
        options: &Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder { path: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let store = Arc::new(Store::open(&folder.join("store"), options, clock)?);
        let board = Arc::clone(store.board());
        let index = Arc::new(TextIndex::open(&folder.join("index"), &store)?);
        Ok(Self { store, board, index })
    }
}
