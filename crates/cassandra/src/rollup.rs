//! The counts of each post as plain rows, for reports.
//!
//! Each row is written with the snapshot's version as its timestamp. Of all that was ever written
//! to a cell Cassandra keeps what has the highest timestamp, whenever and wherever it arrived; so
//! the newest snapshot wins by Cassandra's own rule, without a read and without a transaction. A
//! hidden post's row is deleted in the same way, and comes back with a higher version.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use kudos_core::ports::{Projection, Put};
use kudos_core::{Counts, Kinds, Millis, PortError, PostId, Snapshot, Version};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;

use crate::codec::{
    counts_from_map, counts_to_map, damaged, from_bigint, millis, timestamp, to_bigint,
};
use crate::error::ConnectError;
use crate::session::Db;
use crate::settings::CassandraSettings;

/// Rows that are written or read at once.
pub(crate) const IN_PARALLEL: usize = 32;

/// The table `reaction_counts`.
pub struct Rollup {
    pub(crate) db: Arc<Db>,
    pub(crate) kinds: Arc<Kinds>,
    insert: PreparedStatement,
    pub(crate) remove: PreparedStatement,
    select: PreparedStatement,
    pub(crate) written: PreparedStatement,
    pub(crate) walk: PreparedStatement,
}

/// The counts of a post as the table has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupRow {
    /// Reactions of all kinds, as they stand in their own column.
    pub total: u64,
    /// Reactions by kind.
    pub counts: Counts,
    /// The version of the counts.
    pub version: Version,
    /// When the change was committed that made them.
    pub as_of: Millis,
}

type Columns = (i64, BTreeMap<String, i64>, i64, CqlTimestamp);

impl Rollup {
    pub(crate) async fn prepare(
        db: Arc<Db>,
        kinds: Arc<Kinds>,
        settings: &CassandraSettings,
    ) -> Result<Self, ConnectError> {
        let insert = "INSERT INTO reaction_counts (post_id, total_count, counts, version, \
                     updated_at) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?";
        let remove = "DELETE FROM reaction_counts USING TIMESTAMP ? WHERE post_id = ?";
        let select = "SELECT total_count, counts, version, updated_at FROM reaction_counts \
                      WHERE post_id = ?";
        let written = "SELECT WRITETIME(total_count) FROM reaction_counts WHERE post_id = ?";
        let walk = "SELECT token(post_id), post_id FROM reaction_counts \
                    WHERE token(post_id) > ? LIMIT ?";
        Ok(Self {
            insert: db.write(insert, settings).await?,
            remove: db.write(remove, settings).await?,
            select: db.read(select, settings).await?,
            written: db.read(written, settings).await?,
            walk: db.read(walk, settings).await?,
            db,
            kinds,
        })
    }

    /// What the table has of a post; none of a hidden one.
    ///
    /// # Errors
    /// The cluster cannot be asked, or a row cannot be understood.
    pub async fn read(&self, post: &PostId) -> Result<Option<RollupRow>, PortError> {
        let rows = self.db.rows(&self.select, (post.as_str(),)).await?;
        let row = rows.maybe_first_row::<Columns>().map_err(|e| damaged("the rollup", e))?;
        let Some((total, counts, version, as_of)) = row else { return Ok(None) };
        let counts = counts_from_map(&counts, &self.kinds)?;
        let (total, version) = (from_bigint(total), Version(from_bigint(version)));
        Ok(Some(RollupRow { total, counts, version, as_of: millis(as_of) }))
    }

    async fn put_one(&self, snapshot: &Snapshot) -> Put {
        match self.write(snapshot).await {
            Ok(()) => Put::Held,
            Err(PortError::Corrupt(why)) => Put::Refused(why),
            Err(error) => Put::Retry(error),
        }
    }

    async fn write(&self, snapshot: &Snapshot) -> Result<(), PortError> {
        let (post, state) = (snapshot.post.id.as_str(), &snapshot.state);
        let newness = to_bigint(snapshot.version());
        if snapshot.hidden {
            return self.db.run(&self.remove, (newness, post)).await;
        }
        let (total, version) = (to_bigint(state.counts.total()), to_bigint(state.version.0));
        let (counts, at) = (counts_to_map(&state.counts, &self.kinds), timestamp(state.as_of));
        self.db.run(&self.insert, (post, total, counts, version, at, newness)).await
    }
}

#[async_trait]
impl Projection for Rollup {
    fn name(&self) -> &'static str {
        "rollup"
    }

    async fn put(&self, snapshots: &[Snapshot]) -> Result<Vec<Put>, PortError> {
        let puts: Vec<_> = snapshots.iter().map(|snapshot| self.put_one(snapshot)).collect();
        Ok(stream::iter(puts).buffered(IN_PARALLEL).collect().await)
    }
}
