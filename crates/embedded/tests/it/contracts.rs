//! Every port's contract on the embedded backends, over restarts.

use std::sync::Arc;

use kudos_core::ports::{EventLog, LiveCounts, PostStore, ReactionStore};
use kudos_core::{Clock, Operation};
use kudos_embedded::{Embedded, Options};
use kudos_testkit::ManualClock;
use kudos_testkit::contract::{Backend, HasLive, HasLog, HasPosts, HasReactions};
use kudos_testkit::scope::NOW;
use tempfile::TempDir;

struct Machine {
    backends: Embedded,
    folder: TempDir,
}

impl Machine {
    fn on(folder: TempDir) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(NOW));
        let backends = Embedded::open(folder.path(), &Options::default(), clock).unwrap();
        Self { backends, folder }
    }
}

impl Backend for Machine {
    async fn open() -> Self {
        Self::on(TempDir::new().unwrap())
    }

    async fn restart(self) -> Self {
        let Self { backends, folder } = self;
        drop(backends);
        Self::on(folder)
    }
}

impl HasReactions for Machine {
    fn reactions(&self) -> Arc<dyn ReactionStore> {
        self.backends.store.clone()
    }
}

impl HasPosts for Machine {
    fn posts(&self) -> Arc<dyn PostStore> {
        self.backends.store.clone()
    }
}

impl HasLive for Machine {
    fn live(&self) -> Arc<dyn LiveCounts> {
        self.backends.board.clone()
    }
}

impl HasLog for Machine {
    fn log(&self) -> Arc<dyn EventLog> {
        self.backends.store.clone()
    }

    async fn commit(&self, op: Operation) {
        self.backends.store.apply(op).await.unwrap();
    }
}

mod reaction_store {
    kudos_testkit::reaction_store_contract!(super::Machine);
}
mod post_store {
    kudos_testkit::post_store_contract!(super::Machine);
}
mod truth {
    kudos_testkit::truth_contract!(super::Machine);
}
mod live_counts {
    kudos_testkit::live_counts_contract!(super::Machine);
}
mod event_log {
    kudos_testkit::event_log_contract!(super::Machine);
}
