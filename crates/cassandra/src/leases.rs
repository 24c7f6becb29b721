//! Work that one of several instances does at a time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::Leases;
use kudos_core::{Clock, PortError, SystemClock};
use scylla::statement::prepared::PreparedStatement;

use crate::codec::{damaged, timestamp};
use crate::error::ConnectError;
use crate::session::Db;
use crate::settings::CassandraSettings;

/// Leases as rows that end by themselves: the nodes' clocks count the time, not the holders'.
pub struct LeaseTable {
    db: Arc<Db>,
    select: PreparedStatement,
    take: PreparedStatement,
    renew: PreparedStatement,
    release: PreparedStatement,
}

impl LeaseTable {
    pub(crate) async fn prepare(
        db: Arc<Db>,
        settings: &CassandraSettings,
    ) -> Result<Self, ConnectError> {
        let select = "SELECT holder FROM leases WHERE name = ?";
        let take = "INSERT INTO leases (name, holder, until) VALUES (?, ?, ?) IF NOT EXISTS \
                    USING TTL ?";
        let renew = "UPDATE leases USING TTL ? SET holder = ?, until = ? WHERE name = ? \
                     IF holder = ?";
        let release = "DELETE FROM leases WHERE name = ? IF holder = ?";
        Ok(Self {
            select: db.read(select, settings).await?,
            take: db.conditional(take, settings).await?,
            renew: db.conditional(renew, settings).await?,
            release: db.conditional(release, settings).await?,
            db,
        })
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    async fn holder(&self, name: &str) -> Result<Option<String>, PortError> {
        let rows = self.db.rows(&self.select, (name,)).await?;
        let row = rows.maybe_first_row::<(Option<String>,)>();
        Ok(row.map_err(|error| damaged("lease", error))?.and_then(|(holder,)| holder))
    }
}

#[async_trait]
impl Leases for LeaseTable {
    async fn hold(&self, name: &str, holder: &str, span: Duration) -> Result<bool, PortError> {
        // Whole seconds, and at least one: a lease that is not counted in them would never end.
        let seconds = i32::try_from(span.as_millis().div_ceil(1000)).unwrap_or(i32::MAX).max(1);
        // For people to read; the row itself ends by the nodes' clocks.
        let until = timestamp(SystemClock.now().plus(span));
        // Only who has a chance asks for a commit: the others look on.
        match self.holder(name).await? {
            Some(other) if other != holder => Ok(false),
            Some(_) => {
                let renewed = (seconds, holder, until, name, holder);
                self.db.run_if(&self.renew, renewed).await
            }
            None => self.db.run_if(&self.take, (name, holder, until, seconds)).await,
        }
    }

    async fn release(&self, name: &str, holder: &str) -> Result<(), PortError> {
        self.db.run_if(&self.release, (name, holder)).await.map(drop)
    }
}
