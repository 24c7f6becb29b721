//! The counts of each post as plain rows, for reports.
//!
//! Each row is written with the snapshot's version as its timestamp. Of all that was ever written
//! to a cell Cassandra keeps what has the highest timestamp, whenever and wherever it arrived; so
//! the newest snapshot wins by Cassandra's own rule, without a read and without a transaction. A
//! hidden post's row is deleted in the same way, and comes back with a higher version.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use kudos_core::ports::{Projection, Put};
use kudos_core::{Kinds, PortError, Snapshot};
use scylla::statement::prepared::PreparedStatement;

use crate::codec::{counts_to_map, timestamp, to_bigint};
use crate::error::ConnectError;
use crate::session::Db;
use crate::settings::CassandraSettings;

/// Rows that are written at once.
const IN_PARALLEL: usize = 32;

/// The table `reaction_counts`.
pub struct Rollup {
    db: Arc<Db>,
    kinds: Arc<Kinds>,
    insert: PreparedStatement,
    remove: PreparedStatement,
}

impl Rollup {
    pub(crate) async fn prepare(
        db: Arc<Db>,
        kinds: Arc<Kinds>,
        settings: &CassandraSettings,
    ) -> Result<Self, ConnectError> {
        let insert = "INSERT INTO reaction_counts (post_id, total_count, counts, version, \
                     updated_at) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?";
        let remove = "DELETE FROM reaction_counts USING TIMESTAMP ? WHERE post_id = ?";
        Ok(Self {
            insert: db.write(insert, settings).await?,
            remove: db.write(remove, settings).await?,
            db,
            kinds,
        })
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
