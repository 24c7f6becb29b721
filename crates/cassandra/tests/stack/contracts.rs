//! The contracts of the truth, over restarts of the client.

use std::sync::Arc;

use kudos_cassandra::Cassandra;
use kudos_core::ports::{PostStore, ReactionStore};
use kudos_testkit::contract::{Backend, HasPosts, HasReactions};

use crate::server;

struct Server(Cassandra);

impl Backend for Server {
    const SHARED: bool = true;

    async fn open() -> Self {
        Self(server::connect().await)
    }

    async fn restart(self) -> Self {
        drop(self);
        Self::open().await
    }
}

impl HasReactions for Server {
    fn reactions(&self) -> Arc<dyn ReactionStore> {
        self.0.store.clone()
    }
}

impl HasPosts for Server {
    fn posts(&self) -> Arc<dyn PostStore> {
        self.0.store.clone()
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
