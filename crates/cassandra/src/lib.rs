//! The truth, the posts, the rollup, the outage journal and the leases on Cassandra.
//!
//! [`migrate`] makes the tables; [`Cassandra::connect`] opens a session, checks that keyspace,
//! schema, buckets and kinds are those of this program, and gives the ports:
//!
//! | port | type |
//! |---|---|
//! | `ReactionStore`, `PostStore`, `Snapshots` | [`Store`] |
//! | `Projection` `rollup`, and its `Mirror` | [`Rollup`] |
//! | `OutageJournal`, `OutageWindows` | [`Journal`] |
//! | `Leases` | [`LeaseTable`] |
//!
//! | question | file |
//! |---|---|
//! | why are counts exact? | `store/commit.rs`, `store/attempt.rs` |
//! | how is each statement sent, and again? | `session.rs` |
//! | why are missed deliveries never forgotten? | `journal/` |
//! | what can be configured? | `settings.rs` |
//! | what does a wrong start say? | `error.rs` |
//! | what is wrong with my cluster, and what has to be done? | [`examine`], `examine/` |
//! | which tables are there? | `migrations/cassandra`, applied by `migrate.rs` |
//!
//! Cassandra has to be 4.1.6 or newer with `paxos_variant: v2`, and sync its commit log before it
//! answers (`commitlog_sync: batch` or `group`): with `periodic` a node that is killed forgets
//! what it has acknowledged.

mod codec;
mod counters;
mod error;
mod examine;
mod journal;
mod leases;
mod migrate;
mod mirror;
mod rollup;
mod schema;
mod session;
mod settings;
mod store;
mod tls;

use std::sync::Arc;

use kudos_core::{Clock, Kinds};

pub use counters::CommitCounts;
pub use error::ConnectError;
pub use examine::examine;
pub use journal::Journal;
pub use leases::LeaseTable;
pub use migrate::{MigrateError, Report, migrate};
pub use rollup::{Rollup, RollupRow};
pub use settings::{CassandraSettings, MAX_BUCKETS, Quorum, TlsSettings};
pub use store::Store;

use journal::Keeper;
use session::Db;

/// Everything that Kudos keeps on Cassandra, over one session.
pub struct Cassandra {
    /// Reactions and posts.
    pub store: Arc<Store>,
    /// What sinks may have missed.
    pub journal: Arc<Journal>,
    /// The counts as plain rows.
    pub rollup: Arc<Rollup>,
    /// Who does what.
    pub leases: Arc<LeaseTable>,
    keeper: Keeper,
}

impl Cassandra {
    /// Connects, checks that this program fits what is stored, and begins to close the windows of
    /// the outage journal in the background.
    ///
    /// # Errors
    /// Each names the setting to correct, or what to do.
    pub async fn connect(
        settings: &CassandraSettings,
        kinds: Kinds,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        // The driver's futures are large, and this one is awaited in the depth of every start.
        Box::pin(Self::open(settings, kinds, clock)).await
    }

    async fn open(
        settings: &CassandraSettings,
        kinds: Kinds,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        let db = Arc::new(Db::connect(settings).await?);
        schema::use_keyspace(&db, settings).await?;
        schema::check_version(&db, settings).await?;
        schema::claim_buckets(&db, settings).await?;
        schema::claim_kinds(&db, settings, &kinds).await?;
        let kinds = Arc::new(kinds);
        let journal = Journal::prepare(Arc::clone(&db), Arc::clone(&clock), settings).await?;
        let journal = Arc::new(journal);
        let store = Store::prepare(Arc::clone(&db), Arc::clone(&kinds), clock, settings).await?;
        Ok(Self {
            store: Arc::new(store),
            rollup: Arc::new(Rollup::prepare(Arc::clone(&db), kinds, settings).await?),
            leases: Arc::new(LeaseTable::prepare(db, settings).await?),
            keeper: Keeper::start(Arc::clone(&journal)),
            journal,
        })
    }

    /// Closes the windows in which nothing is open, so that nobody has to look at them. To be
    /// called when no write is under way any more; without it, a sweeper delivers them anew.
    pub async fn close(self) {
        self.keeper.stop().await;
    }
}
