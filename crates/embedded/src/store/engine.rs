//! The storage engine under the store: keyspaces, durable batches, and coming back after the disk
//! was full.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fjall::compaction::Fifo;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use kudos_core::PortError;
use parking_lot::RwLock;

use super::mend;
use crate::options::{OpenError, Options};

/// The keyspaces of an open database. See [`super::schema`] for keys and values.
pub(crate) struct Db {
    database: Database,
    pub(crate) meta: Keyspace,
    pub(crate) heads: Keyspace,
    pub(crate) posts: Keyspace,
    pub(crate) rows: Keyspace,
    pub(crate) log: Keyspace,
    pub(crate) outbox: Keyspace,
}

impl Db {
    /// Opens and recovers the database; a batch that a power cut tore is dropped.
    fn open(path: &Path, options: &Options) -> Result<Self, fjall::Error> {
        match Self::recover(path, options) {
            Err(error) if mend::is_torn(&error) && mend::cut_torn_end(path)? => {
                Self::recover(path, options)
            }
            outcome => outcome,
        }
    }

    fn recover(path: &Path, options: &Options) -> Result<Self, fjall::Error> {
        let database = Database::builder(path)
            .cache_size(options.cache_bytes)
            .worker_threads(1)
            .max_journaling_size(options.journal_bytes)
            // Records are small and mostly hashes and numbers: there is little to gain.
            .journal_compression(CompressionType::None)
            .open()?;
        let table = || KeyspaceCreateOptions::default().max_memtable_size(options.memtable_bytes);
        // A log of ascending positions ages by whole tables: dropping the oldest costs nothing.
        let log_bytes = options.log_bytes;
        let fifo = || table().compaction_strategy(Arc::new(Fifo::new(log_bytes, None)));
        Ok(Self {
            meta: database.keyspace("meta", table)?,
            heads: database.keyspace("heads", table)?,
            posts: database.keyspace("posts", table)?,
            rows: database.keyspace("rows", table)?,
            log: database.keyspace("log", fifo)?,
            outbox: database.keyspace("outbox", table)?,
            database,
        })
    }

    /// A batch, of about as many records, that is on disk when its commit returns.
    pub(crate) fn durable_batch(&self, records: usize) -> fjall::OwnedWriteBatch {
        let batch = fjall::OwnedWriteBatch::with_capacity(self.database.clone(), records);
        batch.durability(Some(PersistMode::SyncData))
    }

    /// A batch that is on disk after [`sync`](Self::sync).
    pub(crate) fn batch(&self) -> fjall::OwnedWriteBatch {
        self.database.batch()
    }

    /// Puts on disk what was committed.
    pub(crate) fn sync(&self) -> Result<(), StoreFault> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }

    /// A consistent view for long scans while writes go on.
    pub(crate) fn snapshot(&self) -> fjall::Snapshot {
        self.database.snapshot()
    }
}

/// The database behind a lock that only a reopening takes for writing.
///
/// A failed write or fsync poisons the database: what reached the disk is unknown until it is
/// recovered from its journal. Reads go on from the poisoned one until it is reopened.
pub(crate) struct Engine {
    path: PathBuf,
    options: Options,
    db: RwLock<Option<Db>>,
    /// Counts the recoveries: a view of the database does not outlive one.
    generation: AtomicU64,
}

impl Engine {
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let db = Db::open(path, options).map_err(|error| match error {
            fjall::Error::Locked => OpenError::Locked(path.to_owned()),
            other => OpenError::Store(port_error(&other)),
        })?;
        Ok(Self {
            path: path.to_owned(),
            options: options.clone(),
            db: RwLock::new(Some(db)),
            generation: AtomicU64::new(0),
        })
    }

    /// Runs `work` on the database, for reading or to write a batch.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&Db) -> Result<T, StoreFault>,
    ) -> Result<T, PortError> {
        let guard = self.db.read();
        let Some(db) = guard.as_ref() else {
            return Err(PortError::Unavailable("the store is being recovered".into()));
        };
        work(db).map_err(PortError::from)
    }

    /// As [`with`](Self::with), but none if that would have to wait for a recovery, or fails.
    pub(crate) fn try_with<T>(&self, work: impl FnOnce(&Db) -> Result<T, StoreFault>) -> Option<T> {
        work(self.db.try_read()?.as_ref()?).ok()
    }

    /// How often the database was recovered; it changes in no [`with`](Self::with).
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// How the database was opened.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Closes the database and recovers it from disk.
    pub(crate) fn reopen(&self) -> Result<(), PortError> {
        let mut guard = self.db.write();
        *guard = None;
        self.generation.fetch_add(1, Ordering::Relaxed);
        let db = Db::open(&self.path, &self.options).map_err(|error| port_error(&error))?;
        *guard = Some(db);
        Ok(())
    }

    /// Whether so little space is left that a write might fail half-way: 32 MiB, or an eighth of
    /// a small volume.
    pub(crate) fn space_is_low(&self) -> bool {
        const RESERVE: u64 = 32 << 20;
        // A volume that cannot be asked is tried: the write itself will tell.
        let Ok(volume) = rustix::fs::statvfs(&self.path) else {
            return false;
        };
        let total = volume.f_blocks.saturating_mul(volume.f_frsize);
        let free = volume.f_bavail.saturating_mul(volume.f_frsize);
        free < RESERVE.min(total / 8)
    }
}

/// Why work on the database failed.
pub(crate) enum StoreFault {
    Engine(fjall::Error),
    Damaged(String),
}

impl From<fjall::Error> for StoreFault {
    fn from(error: fjall::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<StoreFault> for PortError {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Engine(error) => port_error(&error),
            StoreFault::Damaged(what) => Self::Corrupt(what),
        }
    }
}

fn port_error(error: &fjall::Error) -> PortError {
    let io = match error {
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io)) => Some(io.kind()),
        _ => None,
    };
    match io {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => PortError::NoSpace,
        _ => PortError::Unavailable(format!("storage engine: {error}")),
    }
}
