//! The contracts of every port, over restarts of the client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kudos_cassandra::Cassandra;
use kudos_core::ports::{
    Leases, OutageJournal, OutageWindows, PostStore, Projection, ReactionStore, Snapshots,
};
use kudos_core::{Clock, Counts, Kinds, PostId, SystemClock};
use kudos_testkit::ManualClock;
use kudos_testkit::contract::{
    Backend, HasJournal, HasLeases, HasPosts, HasProjection, HasReactions, HasSnapshots, Shown,
};

use crate::server;

struct Server {
    cassandra: Cassandra,
    /// What the journal goes by.
    clock: ManualClock,
}

impl Server {
    async fn at(clock: ManualClock) -> Self {
        let settings = server::settings(server::KEYSPACE);
        let cassandra = server::connect_at(&settings, Arc::new(clock.clone())).await;
        Self { cassandra, clock }
    }
}

impl Backend for Server {
    const SHARED: bool = true;

    async fn open() -> Self {
        Self::at(ManualClock::new(SystemClock.now())).await
    }

    async fn restart(self) -> Self {
        let Self { cassandra, clock } = self;
        drop(cassandra);
        Self::at(clock).await
    }
}

impl HasReactions for Server {
    fn reactions(&self) -> Arc<dyn ReactionStore> {
        self.cassandra.store.clone()
    }
}

impl HasPosts for Server {
    fn posts(&self) -> Arc<dyn PostStore> {
        self.cassandra.store.clone()
    }
}

impl HasSnapshots for Server {
    fn snapshots(&self) -> Arc<dyn Snapshots> {
        self.cassandra.store.clone()
    }
}

impl HasLeases for Server {
    fn leases(&self) -> Arc<dyn Leases> {
        self.cassandra.leases.clone()
    }
}

impl HasJournal for Server {
    fn journal(&self) -> Arc<dyn OutageJournal> {
        self.cassandra.journal.clone()
    }

    fn windows(&self) -> Arc<dyn OutageWindows> {
        self.cassandra.journal.clone()
    }

    async fn close(&self) {
        self.clock.advance(Duration::from_secs(10));
        self.cassandra.journal.close_windows().await.unwrap();
    }

    async fn crash(self) -> Self {
        let Self { cassandra, clock } = self;
        // First it dies: else it may give one more sign of life in the meantime.
        drop(cassandra);
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(31));
        Self::at(clock).await
    }
}

impl HasProjection for Server {
    fn projection(&self) -> Arc<dyn Projection> {
        self.cassandra.rollup.clone()
    }

    async fn shown(&self, post: &PostId) -> Option<Shown> {
        let session = server::raw(server::KEYSPACE).await;
        let select = "SELECT counts FROM reaction_counts WHERE post_id = ?";
        let rows = session.query_unpaged(select, (post.as_str(),)).await.unwrap();
        let row = rows.into_rows_result().unwrap().maybe_first_row::<(BTreeMap<String, i64>,)>();
        let (map,) = row.unwrap()?;
        let mut counts = Counts::new();
        for (name, count) in map {
            let kind = Kinds::default().find(&name).unwrap();
            counts.set(kind, count.cast_unsigned());
        }
        Some(Shown { counts, title: None })
    }
}

mod reaction_store {
    kudos_testkit::reaction_store_contract!(super::Server);
}
mod post_store {
    kudos_testkit::post_store_contract!(super::Server);
}
mod truth {
    kudos_testkit::truth_contract!(super::Server);
}
mod snapshots {
    kudos_testkit::snapshots_contract!(super::Server);
}
mod projection {
    kudos_testkit::projection_contract!(super::Server);
}
mod outage {
    kudos_testkit::outage_contract!(super::Server);
}
mod leases {
    kudos_testkit::leases_contract!(super::Server);
}
