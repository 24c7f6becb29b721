//! The embedded store's engine by itself: the commits that Kudos made, put by nobody.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fjall::compaction::Fifo;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use kudos_core::Change;
use kudos_embedded::Options;

use crate::error::Error;

/// The keyspaces that a like writes to, opened as the store opens them.
struct Keyspaces {
    database: Database,
    rows: Keyspace,
    heads: Keyspace,
    log: Keyspace,
}

impl Keyspaces {
    fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let database = Database::builder(path)
            .cache_size(options.cache_bytes)
            .worker_threads(1)
            .max_journaling_size(options.journal_bytes)
            .open()?;
        let table = || KeyspaceCreateOptions::default().max_memtable_size(options.memtable_bytes);
        let fifo = || table().compaction_strategy(Arc::new(Fifo::new(options.log_bytes, None)));
        Ok(Self {
            rows: database.keyspace("rows", table)?,
            heads: database.keyspace("heads", table)?,
            log: database.keyspace("log", fifo)?,
            database,
        })
    }
}

/// What a closed store has committed, to be read commit by commit.
pub(crate) struct Rehearsal {
    store: Keyspaces,
    next: Cell<u64>,
}

/// One commit: the records of a batch in the order of the store's own.
struct Commit {
    likes: u64,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    heads: Vec<(Vec<u8>, Vec<u8>)>,
    log: ([u8; 8], Vec<u8>),
}

impl Rehearsal {
    /// Opens the store's own folder, which no other process may have open.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let (store, next) = (Keyspaces::open(path, options)?, Cell::new(1));
        Ok(Self { store, next })
    }

    /// The next commit, none behind the last. The log has an entry each, which tells whose rows
    /// and which heads the commit wrote.
    fn next_commit(&self) -> Result<Option<Commit>, Error> {
        let position = self.next.replace(self.next.get() + 1);
        let Some(entry) = self.store.log.get(position.to_be_bytes())? else {
            return Ok(None);
        };
        // The first byte is the format's number.
        let changes: Vec<Change> =
            postcard::from_bytes(entry.get(1..).unwrap_or_default()).map_err(Error::Record)?;
        let read = |keyspace: &Keyspace, key: Vec<u8>| match keyspace.get(&key)? {
            Some(value) => Ok((key, value.to_vec())),
            None => Err(Error::NoRecord(position)),
        };
        let (mut rows, mut heads) = (Vec::new(), Vec::new());
        for change in &changes {
            let post = change.state.post.as_str().as_bytes();
            heads.push(read(&self.store.heads, post.to_vec())?);
            for user in &change.users {
                let key = [post, &[0], user.user.as_str().as_bytes()].concat();
                rows.push(read(&self.store.rows, key)?);
            }
        }
        let log = (position.to_be_bytes(), entry.to_vec());
        Ok(Some(Commit { likes: rows.len() as u64, rows, heads, log }))
    }
}

/// An engine that takes over the commits of a rehearsal.
pub(crate) struct Raw(Keyspaces);

impl Raw {
    /// Makes a database in `path`.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        Keyspaces::open(path, options).map(Self)
    }

    /// Puts the rehearsal's next commits, about `likes` likes in all, each on disk before the next
    /// begins. Returns the likes and the time of the puts, without that of reading the rehearsal.
    pub(crate) fn replay(
        &self,
        rehearsal: &Rehearsal,
        likes: u64,
    ) -> Result<(u64, Duration), Error> {
        let (mut done, mut busy) = (0, Duration::ZERO);
        while done < likes
            && let Some(commit) = rehearsal.next_commit()?
        {
            let begun = Instant::now();
            self.put(&commit)?;
            busy += begun.elapsed();
            done += commit.likes;
        }
        Ok((done, busy))
    }

    fn put(&self, commit: &Commit) -> Result<(), Error> {
        let Keyspaces { database, rows, heads, log } = &self.0;
        let mut batch = database.batch().durability(Some(PersistMode::SyncData));
        for (key, value) in &commit.rows {
            batch.insert(rows, key.as_slice(), value.as_slice());
        }
        for (key, value) in &commit.heads {
            batch.insert(heads, key.as_slice(), value.as_slice());
        }
        batch.insert(log, commit.log.0, commit.log.1.as_slice());
        Ok(batch.commit()?)
    }

    /// Commits so far.
    pub(crate) fn commits(&self) -> Result<u64, Error> {
        let Some(entry) = self.0.log.last_key_value() else {
            return Ok(0);
        };
        Ok(entry.key()?.as_ref().try_into().map_or(0, u64::from_be_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::Likers;
    use crate::likes::Likes;

    #[test]
    fn every_like_of_a_rehearsal_is_put_again() {
        let folder = tempfile::tempdir().unwrap();
        let rehearsal = folder.path().join("rehearsal");
        let likes = Likes::over(10);
        Likers::open(&rehearsal).unwrap().send(likes, 0, 100).unwrap();
        let options = Options::default();
        let rehearsal = Rehearsal::open(&rehearsal.join("store"), &options).unwrap();
        let raw = Raw::open(&folder.path().join("raw"), &options).unwrap();
        assert_eq!(raw.replay(&rehearsal, 1_000).unwrap().0, 100);
        assert_eq!(raw.commits().unwrap(), rehearsal.next.get() - 2);
    }
}
