//! Posts, as far as Kudos needs them: to list, search and rank.

use serde::{Deserialize, Serialize};

use crate::id::PostId;
use crate::time::Millis;

/// The longest title, in bytes.
pub const MAX_TITLE_BYTES: usize = 512;
/// The longest body, in bytes.
pub const MAX_BODY_BYTES: usize = 65_536;

/// A post as it was last upserted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Its identifier.
    pub id: PostId,
    /// One line, at most [`MAX_TITLE_BYTES`].
    pub title: String,
    /// The text, at most [`MAX_BODY_BYTES`].
    pub body: String,
    /// Who wrote it; empty when nobody said.
    pub author: String,
    /// When it was written; orders time, windows and ties.
    pub created_at: Millis,
}
