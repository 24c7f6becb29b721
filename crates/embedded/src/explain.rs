//! Whether the counts are right: all of them, or those of one post side by side.

use kudos_core::{PortError, PostId, PostState};

use crate::maintenance::{MaintenanceError, Watch};
use crate::store::{Audit, Recount};
use crate::{Embedded, Lag};

/// What each place holds of one post.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The rows counted, and the state on disk, as of one moment.
    pub truth: Recount,
    /// The state in memory, a moment later, and whether the post is hidden.
    pub board: Option<(PostState, bool)>,
    /// Whether the text index holds the post, if it can be asked.
    pub indexed: Result<bool, PortError>,
    /// How far the index is behind.
    pub lag: Lag,
}

impl Embedded {
    /// Compares the counts of every post with a recount of its rows, as of one moment, while
    /// writes go on. It blocks for as long as reading every row takes.
    ///
    /// # Errors
    /// [`MaintenanceError`], if the store cannot be read or the watcher ended it.
    pub fn verify(&self, watch: &mut Watch<'_>) -> Result<Audit, MaintenanceError> {
        self.store.audit(watch)
    }

    /// Reads every copy of a post's count. It blocks for as long as reading its rows takes.
    ///
    /// # Errors
    /// [`PortError`], if the store cannot be read.
    pub fn explain(&self, post: &PostId) -> Result<Explanation, PortError> {
        let truth = self.store.recount(post)?;
        let (indexed, lag) = (self.index.contains(post), self.index.lag());
        Ok(Explanation { truth, board: self.board.get(post), indexed, lag })
    }
}
