//! The embedded store's engine by itself: the records that Kudos writes, put by nobody.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fjall::compaction::Fifo;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use kudos_embedded::Options;

use crate::error::Error;
use crate::likes::{Likes, post_name, user_name};

/// The largest batch that the store commits. Under full load nearly all are.
const BATCH: u64 = 512;

/// The keyspaces that a like writes to, opened as the store opens them.
pub(crate) struct Raw {
    database: Database,
    rows: Keyspace,
    heads: Keyspace,
    log: Keyspace,
}

/// Records on their way into one batch, in the order of the store's own commit.
struct Batch {
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    heads: Vec<(Vec<u8>, Vec<u8>)>,
    log: Vec<([u8; 8], Vec<u8>)>,
}

impl Raw {
    /// Opens or makes the database in `path`.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, Error> {
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

    /// Puts what the store in `rehearsal` wrote for `count` likes from number `first` on, in full
    /// batches, each on disk before the next begins. Returns the time of the puts and commits,
    /// without that of reading the rehearsal.
    pub(crate) fn replay(
        &self,
        rehearsal: &Self,
        likes: Likes,
        first: u64,
        count: u64,
    ) -> Result<Duration, Error> {
        let mut end_of_log = position_of_last(&self.log)?;
        let mut busy = Duration::ZERO;
        for start in (first..first + count).step_by(BATCH as usize) {
            let end = (first + count).min(start + BATCH);
            let batch = rehearsal.batch(likes, start..end, end_of_log)?;
            end_of_log += batch.log.len() as u64;
            let begun = Instant::now();
            self.commit(&batch)?;
            busy += begun.elapsed();
        }
        Ok(busy)
    }

    fn commit(&self, batch: &Batch) -> Result<(), Error> {
        let mut puts = self
            .database
            .batch()
            .durability(Some(PersistMode::SyncData));
        for (key, value) in &batch.rows {
            puts.insert(&self.rows, key.as_slice(), value.as_slice());
        }
        for (head, entry) in batch.heads.iter().zip(&batch.log) {
            puts.insert(&self.heads, head.0.as_slice(), head.1.as_slice());
            puts.insert(&self.log, entry.0, entry.1.as_slice());
        }
        Ok(puts.commit()?)
    }

    /// Reads the records of a batch: a row each like, a head and a log entry each post.
    fn batch(
        &self,
        likes: Likes,
        numbers: std::ops::Range<u64>,
        end_of_log: u64,
    ) -> Result<Batch, Error> {
        let mut batch = Batch {
            rows: Vec::new(),
            heads: Vec::new(),
            log: Vec::new(),
        };
        let mut posts = HashSet::new();
        for number in numbers {
            let post = likes.post(number);
            let key = [
                post_name(post).as_bytes(),
                &[0],
                user_name(number).as_bytes(),
            ]
            .concat();
            let read = |keyspace: &Keyspace, key: &[u8]| {
                keyspace
                    .get(key)?
                    .map(|value| value.to_vec())
                    .ok_or(Error::NoRecord(number))
            };
            batch.rows.push((key.clone(), read(&self.rows, &key)?));
            if posts.insert(post) {
                let name = post_name(post).into_bytes();
                batch.heads.push((name.clone(), read(&self.heads, &name)?));
                // The rehearsal's log has about as many entries; what counts is their size.
                let position = (end_of_log + batch.log.len() as u64 + 1).to_be_bytes();
                let entry = match self.log.get(position)? {
                    Some(entry) => entry,
                    None => self
                        .log
                        .get(1_u64.to_be_bytes())?
                        .ok_or(Error::NoRecord(number))?,
                };
                batch.log.push((position, entry.to_vec()));
            }
        }
        Ok(batch)
    }
}

fn position_of_last(log: &Keyspace) -> Result<u64, Error> {
    let Some(entry) = log.last_key_value() else {
        return Ok(0);
    };
    Ok(entry
        .key()?
        .as_ref()
        .try_into()
        .map_or(0, u64::from_be_bytes))
}
