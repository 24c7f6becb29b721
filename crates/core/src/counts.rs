//! Exact counts per kind.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::kind::Kind;

/// How many users hold each kind of reaction on a post.
///
/// Kinds past the end count zero, so that counts written before a kind was appended stay valid.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Counts(SmallVec<[u64; 6]>);

/// A removal from a kind that nobody holds: the counts are not those of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("kind {0:?} cannot go below zero")]
pub struct BelowZero(pub Kind);

impl Counts {
    /// No reactions.
    pub fn new() -> Self {
        Self::default()
    }

    /// The users who hold `kind`.
    pub fn get(&self, kind: Kind) -> u64 {
        self.0.get(kind.index()).copied().unwrap_or(0)
    }

    /// The users who hold any kind.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Sets one kind, for a backend that reads counts back.
    pub fn set(&mut self, kind: Kind, count: u64) {
        if self.0.len() <= kind.index() {
            self.0.resize(kind.index() + 1, 0);
        }
        self.0[kind.index()] = count;
    }

    /// The counts in the order of kinds, without trailing zeros.
    pub fn as_slice(&self) -> &[u64] {
        let end = self.0.iter().rposition(|&n| n > 0).map_or(0, |last| last + 1);
        &self.0[..end]
    }

    /// Moves one user from one kind to another, where `None` is no reaction.
    pub fn shift(&mut self, from: Option<Kind>, to: Option<Kind>) -> Result<(), BelowZero> {
        if from == to {
            return Ok(());
        }
        if let Some(kind) = from {
            let left = self.get(kind).checked_sub(1).ok_or(BelowZero(kind))?;
            self.set(kind, left);
        }
        if let Some(kind) = to {
            self.set(kind, self.get(kind).saturating_add(1));
        }
        Ok(())
    }
}

/// Equal counts are equal, however many zeros trail in one of them.
impl PartialEq for Counts {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Counts {}

impl FromIterator<u64> for Counts {
    fn from_iter<I: IntoIterator<Item = u64>>(counts: I) -> Self {
        Self(counts.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_change_of_kind_keeps_the_total() {
        let mut counts = Counts::from_iter([3, 1]);
        counts.shift(Some(Kind(0)), Some(Kind(4))).unwrap();
        assert_eq!(counts.as_slice(), [2, 1, 0, 0, 1]);
        assert_eq!(counts.total(), 4);
    }

    #[test]
    fn nothing_goes_below_zero() {
        let mut counts = Counts::new();
        assert_eq!(counts.shift(Some(Kind(2)), None), Err(BelowZero(Kind(2))));
        assert_eq!(counts, Counts::new());
    }

    #[test]
    fn a_like_taken_back_leaves_counts_equal_to_those_before() {
        let mut counts = Counts::new();
        counts.shift(None, Some(Kind(3))).unwrap();
        counts.shift(Some(Kind(3)), None).unwrap();
        assert_eq!(counts, Counts::new());
    }

    proptest! {
        #[test]
        fn counts_equal_a_recount_of_who_holds_what(
            moves in prop::collection::vec((0usize..20, prop::option::of(0u8..6)), 0..200)
        ) {
            let (mut held, mut counts) = ([None; 20], Counts::new());
            for (user, want) in moves {
                let want = want.map(Kind);
                counts.shift(held[user], want).unwrap();
                held[user] = want;
            }
            for kind in (0..6).map(Kind) {
                let recount = held.iter().filter(|&&h| h == Some(kind)).count() as u64;
                prop_assert_eq!(counts.get(kind), recount);
            }
        }
    }
}
