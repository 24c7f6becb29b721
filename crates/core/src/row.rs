//! The row that the truth keeps for one user on one post, and the decision it leads to.
//!
//! Every store of the truth calls [`UserRow::decide`] and [`UserRow::record`] around its own
//! conditional commit, so that idempotency has one implementation.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::kind::Kind;
use crate::operation::{OpId, Operation, Outcome};
use crate::time::Millis;

/// Operations whose outcome is kept.
pub const REMEMBERED: usize = 4;
/// Operations of which only the fact is kept, once their outcome is forgotten.
pub const FINGERPRINTS: usize = 28;

/// One user's reaction to one post. A row is never deleted: an unlike sets `kind` to none, so
/// that the operations stay remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// What the user holds.
    pub kind: Option<Kind>,
    /// When that last changed.
    pub reacted_at: Millis,
    /// The last operations with their outcome, oldest first, at most [`REMEMBERED`].
    recent: SmallVec<[(OpId, Option<Millis>, Outcome); 1]>,
    /// Older operations, oldest first, at most [`FINGERPRINTS`].
    forgotten: Vec<u64>,
    /// The newest issue time among the operations whose outcome is forgotten.
    horizon: Option<Millis>,
}

/// What the row says about an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Seen before: answer this, write nothing.
    Replay(Outcome),
    /// Possibly seen before, and forgotten: refuse.
    Stale,
    /// The id came with another request: refuse.
    KeyReused,
    /// New: apply it, then [`UserRow::record`] it, even if it changes nothing.
    Apply {
        /// Whether the user's kind changes.
        changed: bool,
    },
}

impl UserRow {
    /// Decides without changing anything.
    pub fn decide(&self, op: &Operation) -> Decision {
        if let Some((_, _, outcome)) = self.recent.iter().find(|(id, ..)| *id == op.id) {
            return match outcome.mine == op.want {
                true => Decision::Replay(outcome.clone()),
                false => Decision::KeyReused,
            };
        }
        let too_old = op.issued_at.zip(self.horizon).is_some_and(|(at, horizon)| at < horizon);
        if too_old || self.forgotten.contains(&op.id.fingerprint()) {
            return Decision::Stale;
        }
        Decision::Apply { changed: self.kind != op.want }
    }

    /// The time of the newest operation that the row knows of, also of one that changed nothing.
    /// An import compares it with the time of each line, so that the latest wins in any order.
    pub fn last_at(&self) -> Millis {
        let recent = self.recent.iter().map(|(_, _, outcome)| outcome.at);
        recent.fold(self.reacted_at, Millis::max)
    }

    /// Remembers an applied operation and takes over its kind.
    pub fn record(&mut self, op: &Operation, outcome: Outcome) {
        if outcome.changed {
            self.reacted_at = outcome.at;
        }
        self.kind = outcome.mine;
        if self.recent.len() == REMEMBERED {
            let (id, issued_at, _) = self.recent.remove(0);
            self.horizon = self.horizon.max(issued_at);
            if self.forgotten.len() == FINGERPRINTS {
                self.forgotten.remove(0);
            }
            self.forgotten.push(id.fingerprint());
        }
        self.recent.push((op.id, op.issued_at, outcome));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Version;
    use crate::counts::Counts;
    use crate::id::{PostId, UserId};

    fn op(key: &str, want: Option<Kind>) -> Operation {
        let (post, user) = (PostId::new("p").unwrap(), UserId::new("u").unwrap());
        Operation::keyed(key, post, user, want, Millis(1_800_000_000_000))
    }

    fn apply(row: &mut UserRow, op: &Operation) -> Decision {
        let decision = row.decide(op);
        if let Decision::Apply { changed } = decision {
            let (version, counts) = (Version(1), Counts::new());
            row.record(op, Outcome { mine: op.want, changed, version, counts, at: op.at });
        }
        decision
    }

    #[test]
    fn a_retried_like_does_not_undo_a_later_unlike() {
        let (mut row, like) = (UserRow::default(), op("a", Some(Kind(0))));
        assert_eq!(apply(&mut row, &like), Decision::Apply { changed: true });
        apply(&mut row, &op("b", None));
        let Decision::Replay(first) = apply(&mut row, &like) else { panic!("not a replay") };
        assert_eq!((first.mine, first.changed), (Some(Kind(0)), true));
        assert_eq!(row.kind, None);
    }

    #[test]
    fn one_key_is_one_request() {
        let mut row = UserRow::default();
        apply(&mut row, &op("a", Some(Kind(0))));
        assert_eq!(apply(&mut row, &op("a", Some(Kind(1)))), Decision::KeyReused);
    }

    #[test]
    fn a_forgotten_operation_is_refused_and_never_applied_again() {
        let mut row = UserRow::default();
        let total = REMEMBERED + FINGERPRINTS;
        let ops: Vec<_> =
            (0..total).map(|i| op(&format!("k{i}"), (i % 2 == 0).then_some(Kind(0)))).collect();
        for op in &ops {
            assert!(matches!(apply(&mut row, op), Decision::Apply { .. }));
        }
        for op in &ops[..total - REMEMBERED] {
            assert_eq!(apply(&mut row, op), Decision::Stale);
        }
        for op in &ops[total - REMEMBERED..] {
            assert!(matches!(apply(&mut row, op), Decision::Replay(_)));
        }
    }

    #[test]
    fn a_key_that_tells_its_time_is_refused_however_old_it_is() {
        let mut row = UserRow::default();
        let key = |i: u64| {
            let time = uuid::Timestamp::from_unix(uuid::NoContext, 1_700_000_000 + i, 0);
            uuid::Uuid::new_v7(time).to_string()
        };
        let first = op(&key(0), Some(Kind(0)));
        apply(&mut row, &first);
        for i in 1..500 {
            apply(&mut row, &op(&key(i), (i % 2 == 0).then_some(Kind(0))));
        }
        assert_eq!(row.decide(&first), Decision::Stale);
    }
}
