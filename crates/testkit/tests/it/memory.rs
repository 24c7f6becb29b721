//! The backends in memory keep every promise.

use std::sync::Arc;

use kudos_core::ports::{EventLog, LiveCounts, Position, PostIndex, PostStore, ReactionStore};
use kudos_core::{Operation, Post, PostId};
use kudos_testkit::contract::{Backend, HasIndex, HasLive, HasLog, HasPosts, HasReactions};
use kudos_testkit::{MemoryIndex, MemoryLive, MemoryTruth};

#[derive(Default)]
struct Memory {
    truth: Arc<MemoryTruth>,
    live: Arc<MemoryLive>,
    index: Arc<MemoryIndex>,
}

impl Backend for Memory {
    async fn open() -> Self {
        Self::default()
    }

    async fn restart(self) -> Self {
        Self { truth: Arc::new(self.truth.fork()), ..self }
    }
}

impl HasReactions for Memory {
    fn reactions(&self) -> Arc<dyn ReactionStore> {
        self.truth.clone()
    }
}

impl HasPosts for Memory {
    fn posts(&self) -> Arc<dyn PostStore> {
        self.truth.clone()
    }
}

impl HasLive for Memory {
    fn live(&self) -> Arc<dyn LiveCounts> {
        self.live.clone()
    }
}

impl HasLog for Memory {
    fn log(&self) -> Arc<dyn EventLog> {
        self.truth.log()
    }

    async fn commit(&self, op: Operation) {
        self.truth.apply(op).await.unwrap();
    }

    async fn trim(&self, _: &Position) -> bool {
        self.truth.log().trim(2);
        true
    }
}

impl HasIndex for Memory {
    fn index(&self) -> Arc<dyn PostIndex> {
        self.index.clone()
    }

    async fn put(&self, posts: &[Post]) {
        self.index.put(posts);
    }

    async fn remove(&self, posts: &[PostId]) {
        self.index.remove(posts);
    }

    async fn set_totals(&self, totals: &[(PostId, u64)]) -> bool {
        for (post, total) in totals {
            self.index.set_total(post, *total);
        }
        true
    }
}

mod reaction_store {
    kudos_testkit::reaction_store_contract!(super::Memory);
}
mod live_counts {
    kudos_testkit::live_counts_contract!(super::Memory);
}
mod event_log {
    kudos_testkit::event_log_contract!(super::Memory);
}
mod post_store {
    kudos_testkit::post_store_contract!(super::Memory);
}
mod post_index {
    kudos_testkit::post_index_contract!(super::Memory);
}
mod truth {
    kudos_testkit::truth_contract!(super::Memory);
}
