//! Users' rows that callers read for the committer, ahead of it.
//!
//! To find a user's row, or that there is none, is much of what a like costs, and may have to
//! wait for the disk. One thread that does it for everybody holds everybody up. So callers read
//! the row themselves, side by side, before they queue, and the committer only makes sure that no
//! commit has written it since.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fjall::UserValue;
use hashbrown::DefaultHashBuilder;
use kudos_core::Operation;

use super::engine::Engine;
use super::schema::row_key;

/// A row as its reader found it.
pub(crate) struct Read {
    /// The read has seen this commit and all before it.
    seen: u64,
    bytes: Option<UserValue>,
}

/// Counts the commits that readers can see.
#[derive(Clone, Default)]
pub(crate) struct Commits(Arc<AtomicU64>);

impl Commits {
    /// Reads the row of an operation; none if the engine is busy recovering or fails, which is
    /// for the committer to find out and to report.
    pub(crate) fn read(&self, engine: &Engine, op: &Operation) -> Option<Read> {
        // First the number: what is committed during the read may be in the row or not.
        let seen = self.0.load(Ordering::Acquire);
        let key = row_key(&op.post, &op.user);
        let bytes = engine.try_with(|db| Ok(db.rows.get(key)?))?;
        Some(Read { seen, bytes })
    }
}

/// Knows which commit was the last to write a row.
///
/// Rows are told apart by a hash only: two that share a place cost a read, never a wrong one. The
/// table is constant memory, 512 KiB.
pub(crate) struct Written {
    commits: Commits,
    last: Box<[u64]>,
    hasher: DefaultHashBuilder,
}

impl Written {
    const PLACES: u64 = 1 << 16;

    /// Nothing is written yet.
    pub(crate) fn new(commits: Commits) -> Self {
        let last = vec![0; Self::PLACES as usize].into_boxed_slice();
        Self { commits, last, hasher: DefaultHashBuilder::default() }
    }

    /// What was read of a row, unless the row may have been written since.
    pub(crate) fn check(&self, key: &[u8], read: Read) -> Option<Option<UserValue>> {
        (self.last[self.place(key)] <= read.seen).then_some(read.bytes)
    }

    /// The next commit writes this row. Should it fail, and a recovery find it after all, then
    /// its number is still ahead of whatever was read before.
    pub(crate) fn note(&mut self, key: &[u8]) {
        self.last[self.place(key)] = self.commits.0.load(Ordering::Relaxed) + 1;
    }

    /// The next commit is made, and readers see it.
    pub(crate) fn committed(&mut self) {
        self.commits.0.fetch_add(1, Ordering::Release);
    }

    fn place(&self, key: &[u8]) -> usize {
        (self.hasher.hash_one(key) % Self::PLACES) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_was_written_since_it_was_read_is_not_taken() {
        let commits = Commits::default();
        let mut written = Written::new(commits.clone());
        let read = || Read { seen: commits.0.load(Ordering::Acquire), bytes: None };
        let early = read();
        assert_eq!(written.check(b"row", read()), Some(None));
        written.note(b"row");
        // Until the commit has ended, nobody can have seen it.
        assert_eq!(written.check(b"row", read()), None);
        written.committed();
        assert_eq!(written.check(b"row", early), None);
        assert_eq!(written.check(b"row", read()), Some(None));
    }
}
