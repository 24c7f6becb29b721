//! The stores under measurement, behind the few calls that the write path needs.
use std::{fs::File, io::Write, path::Path};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, compaction::Fifo};
use redb::{ReadableDatabase, ReadableTable, TableDefinition};

use super::{Error, workload::Op};

/// Memory for cached blocks or pages, the same for each store.
const CACHE_BYTES: usize = 128 << 20;
/// The event log keeps roughly this much when the store can bound it.
const LOG_BYTES: u64 = 4 << 30;

/// When a commit returns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sync {
    /// After the data reached the disk.
    Disk,
    /// At once: for filling a store before it is measured.
    Later,
}

/// A store that commits batches of reactions atomically.
pub(super) trait Engine {
    /// Reads the user row of each operation, then writes all their records as one atomic batch.
    /// Returns how many of the rows existed.
    fn commit(&self, ops: &[Op], sync: Sync) -> Result<usize, Error>;
    /// Reads one user row: whether it exists.
    fn has_user(&self, key: &[u8]) -> Result<bool, Error>;
    /// Reads every head: how many there are, and the bytes of their values.
    fn scan_heads(&self) -> Result<(u64, u64), Error>;
    /// The last position of the event log, 0 when it is empty.
    fn last_log(&self) -> Result<u64, Error>;
}

/// Log-structured merge tree: a journal, tables in levels.
pub(super) struct FjallEngine {
    database: Database,
    users: Keyspace,
    heads: Keyspace,
    log: Keyspace,
}

impl FjallEngine {
    /// `memtable_bytes` is the size at which each keyspace starts to write its memory to a table.
    pub(super) fn open(dir: &Path, memtable_bytes: u64) -> Result<Self, Error> {
        let database = Database::builder(dir)
            .cache_size(CACHE_BYTES as u64)
            .worker_threads(1)
            .manual_journal_persist(true)
            .max_journaling_size(256 << 20)
            .open()?;
        let memtable = || KeyspaceCreateOptions::default().max_memtable_size(memtable_bytes);
        let fifo =
            || memtable().compaction_strategy(std::sync::Arc::new(Fifo::new(LOG_BYTES, None)));
        Ok(Self {
            users: database.keyspace("users", memtable)?,
            heads: database.keyspace("heads", memtable)?,
            log: database.keyspace("log", fifo)?,
            database,
        })
    }
}

impl Engine for FjallEngine {
    fn commit(&self, ops: &[Op], sync: Sync) -> Result<usize, Error> {
        let mut found = 0;
        let mut batch = self.database.batch().durability(match sync {
            Sync::Disk => Some(PersistMode::SyncData),
            Sync::Later => None,
        });
        for op in ops {
            found += usize::from(self.has_user(&op.user_key)?);
            batch.insert(&self.users, op.user_key.as_slice(), op.user_value.as_slice());
            batch.insert(&self.heads, op.head_key.as_slice(), op.head_value.as_slice());
            batch.insert(&self.log, op.log_key, op.log_value.as_slice());
        }
        batch.commit()?;
        Ok(found)
    }

    fn has_user(&self, key: &[u8]) -> Result<bool, Error> {
        Ok(self.users.get(key)?.is_some())
    }

    fn scan_heads(&self) -> Result<(u64, u64), Error> {
        let mut totals = (0, 0);
        for entry in self.heads.iter() {
            totals = (totals.0 + 1, totals.1 + entry.value()?.len() as u64);
        }
        Ok(totals)
    }

    fn last_log(&self) -> Result<u64, Error> {
        let Some(entry) = self.log.last_key_value() else {
            return Ok(0);
        };
        Ok(position(&entry.key()?))
    }
}

type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;
const USERS: Table = TableDefinition::new("users");
const HEADS: Table = TableDefinition::new("heads");
const LOG: Table = TableDefinition::new("log");

/// Copy-on-write B-trees in one file.
pub(super) struct RedbEngine {
    database: redb::Database,
}

impl RedbEngine {
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(dir)?;
        let database = redb::Builder::new()
            .set_cache_size(CACHE_BYTES)
            .create(dir.join("store.redb"))
            .map_err(redb::Error::from)?;
        let engine = Self { database };
        engine.commit(&[], Sync::Disk)?;
        Ok(engine)
    }

    fn write(&self, ops: &[Op], sync: Sync) -> Result<usize, redb::Error> {
        let mut found = 0;
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(match sync {
            Sync::Disk => redb::Durability::Immediate,
            Sync::Later => redb::Durability::None,
        })?;
        {
            let mut users = transaction.open_table(USERS)?;
            let mut heads = transaction.open_table(HEADS)?;
            let mut log = transaction.open_table(LOG)?;
            for op in ops {
                found += usize::from(users.get(op.user_key.as_slice())?.is_some());
                users.insert(op.user_key.as_slice(), op.user_value.as_slice())?;
                heads.insert(op.head_key.as_slice(), op.head_value.as_slice())?;
                log.insert(op.log_key.as_slice(), op.log_value.as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(found)
    }

    fn table(
        &self,
        table: Table,
    ) -> Result<redb::ReadOnlyTable<&'static [u8], &'static [u8]>, redb::Error> {
        Ok(self.database.begin_read()?.open_table(table)?)
    }
}

impl Engine for RedbEngine {
    fn commit(&self, ops: &[Op], sync: Sync) -> Result<usize, Error> {
        Ok(self.write(ops, sync)?)
    }

    fn has_user(&self, key: &[u8]) -> Result<bool, Error> {
        let row = self.table(USERS)?.get(key).map_err(redb::Error::from)?;
        Ok(row.is_some())
    }

    fn scan_heads(&self) -> Result<(u64, u64), Error> {
        let mut totals = (0, 0);
        for entry in self.table(HEADS)?.iter().map_err(redb::Error::from)? {
            let (_, value) = entry.map_err(redb::Error::from)?;
            totals = (totals.0 + 1, totals.1 + value.value().len() as u64);
        }
        Ok(totals)
    }

    fn last_log(&self) -> Result<u64, Error> {
        let log = self.table(LOG)?;
        let last = log.last().map_err(redb::Error::from)?;
        Ok(last.map_or(0, |(key, _)| position(key.value())))
    }
}

/// The floor of the machine: the same bytes appended to a file, and no way to read them.
pub(super) struct FileEngine {
    file: File,
}

impl FileEngine {
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(dir)?;
        let file = File::options().create(true).append(true).open(dir.join("journal"))?;
        Ok(Self { file })
    }
}

impl Engine for FileEngine {
    fn commit(&self, ops: &[Op], sync: Sync) -> Result<usize, Error> {
        let mut bytes = Vec::with_capacity(ops.len() * 320);
        for op in ops {
            for part in [&op.user_key, &op.user_value, &op.head_key, &op.head_value, &op.log_value]
            {
                bytes.extend_from_slice(part);
            }
            bytes.extend_from_slice(&op.log_key);
        }
        (&self.file).write_all(&bytes)?;
        if sync == Sync::Disk {
            self.file.sync_data()?;
        }
        Ok(0)
    }

    fn has_user(&self, _: &[u8]) -> Result<bool, Error> {
        Ok(false)
    }

    fn scan_heads(&self) -> Result<(u64, u64), Error> {
        Ok((0, 0))
    }

    fn last_log(&self) -> Result<u64, Error> {
        Ok(0)
    }
}

fn position(key: &[u8]) -> u64 {
    key.try_into().map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::workload::{self, Workload};

    fn keeps_a_committed_batch<E: Engine>(open: impl Fn(&Path) -> Result<E, Error>) {
        let dir = tempfile::tempdir().unwrap();
        let ops = Workload::new(1, 5).posts(0, 10);
        let store = open(dir.path()).unwrap();
        assert_eq!(store.commit(&ops, Sync::Disk).unwrap(), 0);
        assert_eq!(store.commit(&ops, Sync::Disk).unwrap(), 10);
        drop(store);
        let store = open(dir.path()).unwrap();
        assert!(store.has_user(&workload::post_key(9)).unwrap());
        assert!(!store.has_user(&workload::post_key(10)).unwrap());
        assert_eq!(store.scan_heads().unwrap(), (10, 600));
        assert_eq!(store.last_log().unwrap(), 14);
    }

    #[test]
    fn fjall_keeps_a_committed_batch() {
        keeps_a_committed_batch(|dir| FjallEngine::open(dir, 4 << 20));
    }

    #[test]
    fn redb_keeps_a_committed_batch() {
        keeps_a_committed_batch(RedbEngine::open);
    }
}
