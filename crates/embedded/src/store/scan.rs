//! Long reads of one consistent state while writes go on.

use std::ops::Bound::{self, Excluded, Included, Unbounded};

use fjall::{Keyspace, Readable, Snapshot, UserKey, UserValue};
use kudos_core::PortError;

use super::Store;
use super::engine::{Db, Engine};

/// Records that are read under one hold of the engine's lock. Holding it for the whole of a scan
/// would make a recovery wait, and every read behind the recovery.
const PAGE_RECORDS: usize = 4096;
const PAGE_BYTES: usize = 4 << 20;

pub(crate) type Record = (UserKey, UserValue);

/// Chooses a keyspace.
pub(crate) type Table = fn(&Db) -> &Keyspace;

/// The state of the store at one moment.
pub(crate) struct Scan<'s> {
    engine: &'s Engine,
    snapshot: Snapshot,
    generation: u64,
}

impl Store {
    /// The durable state of now.
    pub(crate) fn scan(&self) -> Result<Scan<'_>, PortError> {
        let engine = &*self.engine;
        let view = engine.with(|db| Ok((db.snapshot(), engine.generation())));
        let (snapshot, generation) = view?;
        Ok(Scan { engine, snapshot, generation })
    }
}

impl Scan<'_> {
    /// All records of a keyspace, in the order of their keys.
    pub(crate) fn records(&self, table: Table) -> Result<Records<'_>, PortError> {
        self.records_from(table, Vec::new())
    }

    /// The records of a keyspace from `start` on.
    pub(crate) fn records_from(
        &self,
        table: Table,
        start: Vec<u8>,
    ) -> Result<Records<'_>, PortError> {
        let mut records = Records { scan: self, table, page: Vec::new().into_iter(), last: None };
        records.turn(self.page(table, Included(&start))?);
        Ok(records)
    }

    /// About how many records a keyspace has.
    pub(crate) fn estimate(&self, table: Table) -> u64 {
        let length = self.engine.with(|db| Ok(table(db).approximate_len()));
        length.map_or(0, |length| length as u64)
    }

    fn page(&self, table: Table, from: Bound<&[u8]>) -> Result<Vec<Record>, PortError> {
        let page = self.engine.with(|db| {
            if self.engine.generation() != self.generation {
                return Ok(None);
            }
            let (mut page, mut bytes) = (Vec::new(), 0);
            for entry in self.snapshot.range::<&[u8], _>(table(db), (from, Unbounded)) {
                let (key, value) = entry.into_inner()?;
                bytes += key.len() + value.len();
                page.push((key, value));
                if page.len() == PAGE_RECORDS || bytes >= PAGE_BYTES {
                    break;
                }
            }
            Ok(Some(page))
        })?;
        let lost = || PortError::Unavailable("the store was recovered meanwhile; try again".into());
        page.ok_or_else(lost)
    }
}

/// Records in the order of their keys, read page by page.
pub(crate) struct Records<'s> {
    scan: &'s Scan<'s>,
    table: Table,
    page: std::vec::IntoIter<Record>,
    /// The last key of the page.
    last: Option<UserKey>,
}

impl Records<'_> {
    /// The next record, without taking it.
    pub(crate) fn peek(&self) -> Option<&Record> {
        self.page.as_slice().first()
    }

    /// Takes the next record.
    pub(crate) fn take(&mut self) -> Result<Option<Record>, PortError> {
        let record = self.page.next();
        if self.page.as_slice().is_empty()
            && let Some(last) = self.last.take()
        {
            self.turn(self.scan.page(self.table, Excluded(&last))?);
        }
        Ok(record)
    }

    fn turn(&mut self, page: Vec<Record>) {
        self.last = page.last().map(|(key, _)| key.clone());
        self.page = page.into_iter();
    }
}
