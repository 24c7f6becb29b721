//! One request to change a reaction, and its answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::change::{Change, PostState, UserChange, Version};
use crate::counts::Counts;
use crate::id::{PostId, UserId};
use crate::kind::Kind;
use crate::time::Millis;

/// How far a client's clock may run ahead for the time in its keys to be believed.
pub const MAX_SKEW: Duration = Duration::from_secs(300);

/// Identifies an operation of one user on one post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpId(pub [u8; 16]);

impl OpId {
    /// From a client's idempotency key: its BLAKE3 hash, so that any text has a fixed size.
    pub fn from_key(key: &str) -> Self {
        let mut id = [0; 16];
        blake3::Hasher::new().update(key.as_bytes()).finalize_xof().fill(&mut id);
        Self(id)
    }

    /// The first half, for remembering that an operation was seen without its outcome.
    pub fn fingerprint(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

/// A request to hold `want` on a post: `None` takes the reaction back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Same id, same operation: it is applied at most once.
    pub id: OpId,
    /// When the id was made, if it tells (UUID version 7).
    pub issued_at: Option<Millis>,
    /// The post.
    pub post: PostId,
    /// The user.
    pub user: UserId,
    /// The kind that the user shall hold.
    pub want: Option<Kind>,
    /// When the operation arrived.
    pub at: Millis,
}

impl Operation {
    /// An operation under a client's key. A key that is a UUID version 7 tells when it was made,
    /// which lets a very old retry be refused even after it is forgotten. A time that lies more than
    /// [`MAX_SKEW`] ahead is not believed: it would make the operations of the user's other devices
    /// look old.
    pub fn keyed(key: &str, post: PostId, user: UserId, want: Option<Kind>, at: Millis) -> Self {
        let issued_at = Uuid::try_parse(key).ok().and_then(|uuid| uuid.get_timestamp()).map(|t| {
            let (seconds, nanos) = t.to_unix();
            Millis(seconds.saturating_mul(1000).saturating_add(u64::from(nanos) / 1_000_000))
        });
        let issued_at = issued_at.filter(|&issued| issued <= at.plus(MAX_SKEW));
        Self { id: OpId::from_key(key), issued_at, post, user, want, at }
    }

    /// An operation without a key: the door makes its id, so only the door can send it again.
    pub fn unkeyed(post: PostId, user: UserId, want: Option<Kind>, at: Millis) -> Self {
        Self { id: OpId(Uuid::new_v4().into_bytes()), issued_at: None, post, user, want, at }
    }
}

/// What an operation did: kept beside the user's row, so that a retry gets the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What was asked, which is what the user held afterwards.
    pub mine: Option<Kind>,
    /// Whether it changed anything.
    pub changed: bool,
    /// The version of the post after it.
    pub version: Version,
    /// The counts of that version.
    pub counts: Counts,
    /// When it was committed.
    pub at: Millis,
}

/// The durable answer to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What the operation did, now or when it was first sent.
    pub outcome: Outcome,
    /// What the user held before; none of a replay.
    pub from: Option<Kind>,
    /// Whether it had been applied before: then nothing was written.
    pub replayed: bool,
    /// The post as committed, for the projections; of a replay, as it was then.
    pub state: PostState,
}

impl Applied {
    /// What the projections have to learn: nothing, unless the operation changed something now.
    pub fn change(&self, user: &UserId) -> Option<Change> {
        let fresh = self.outcome.changed && !self.replayed;
        let (from, to) = (self.from, self.outcome.mine);
        let users = vec![UserChange { user: user.clone(), from, to }];
        fresh.then(|| Change { state: self.state.clone(), users })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::{NoContext, Timestamp};

    #[test]
    fn a_key_tells_its_time_unless_it_lies_far_ahead() {
        let issued_at = |seconds| {
            let key = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0)).to_string();
            let (post, user) = (PostId::new("p").unwrap(), UserId::new("u").unwrap());
            Operation::keyed(&key, post, user, None, Millis(1_000_000)).issued_at
        };
        assert_eq!(issued_at(900), Some(Millis(900_000)));
        assert_eq!(issued_at(1_300), Some(Millis(1_300_000)));
        assert_eq!(issued_at(1_301), None);
    }
}
