//! A copy of the whole store as of one moment, while writes go on.

use std::path::Path;

use super::Store;
use super::engine::Engine;
use super::scan::Table;
use crate::maintenance::{MaintenanceError, Steps, Watch};

/// Records of one write into the copy.
const BATCH: usize = 4096;

/// Every keyspace. Meta is the last: it makes a store of what would be no more than records.
const TABLES: [Table; 6] =
    [|db| &db.heads, |db| &db.posts, |db| &db.rows, |db| &db.log, |db| &db.outbox, |db| &db.meta];

impl Store {
    /// Copies everything into a new store at `path`, which is on disk when this returns. Returns
    /// the number of records.
    pub(crate) fn copy_to(
        &self,
        path: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<u64, MaintenanceError> {
        let scan = self.scan()?;
        let copy = Engine::open(path, self.engine.options()).map_err(MaintenanceError::Open)?;
        let total = TABLES.iter().map(|&table| scan.estimate(table)).sum();
        let mut steps = Steps::new(watch, total);
        for table in TABLES {
            let mut records = scan.records(table)?;
            while records.peek().is_some() {
                let mut batch = Vec::with_capacity(BATCH);
                while batch.len() < BATCH
                    && let Some(record) = records.take()?
                {
                    steps.one()?;
                    batch.push(record);
                }
                copy.with(|db| {
                    let mut writes = db.batch();
                    for (key, value) in batch {
                        writes.insert(table(db), key, value);
                    }
                    Ok(writes.commit()?)
                })?;
            }
        }
        copy.with(|db| db.sync())?;
        steps.end()
    }
}
