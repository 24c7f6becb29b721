//! Absolute, versioned state: what travels from the truth to every projection.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::id::{PostId, UserId};
use crate::kind::Kind;
use crate::time::Millis;

/// Counts the changes of a post: one version has exactly one set of counts.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Version(pub u64);

impl Version {
    /// The version after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The counts of a post at a version. It says what is, never "+1", so that delivering it twice,
/// late or out of order is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostState {
    /// The post.
    pub post: PostId,
    /// When the post was written, for time order, windows and ties.
    pub created_at: Millis,
    /// The change that made these counts; 0 for a post that never had one.
    pub version: Version,
    /// The counts.
    pub counts: Counts,
    /// When that change was committed.
    pub as_of: Millis,
}

impl PostState {
    /// Whether this state replaces `held`: only if it is newer.
    pub fn replaces(&self, held: Version) -> bool {
        self.version.cmp(&held) == Ordering::Greater
    }
}

/// What one user did within a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserChange {
    /// The user.
    pub user: UserId,
    /// What the user held before.
    pub from: Option<Kind>,
    /// What the user holds now; never equal to `from`.
    pub to: Option<Kind>,
}

impl UserChange {
    /// The type of the event: `reaction.added`, `reaction.changed` or `reaction.removed`.
    pub fn event_type(&self) -> &'static str {
        match (self.from, self.to) {
            (_, None) => "reaction.removed",
            (None, Some(_)) => "reaction.added",
            (Some(_), Some(_)) => "reaction.changed",
        }
    }
}

/// One commit of a post: its new state, and who changed what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The state after the commit.
    pub state: PostState,
    /// The changes in it, in order; none if the post itself was stored or hidden.
    pub users: Vec<UserChange>,
}
