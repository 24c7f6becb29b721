//! The contract of the log: on one topic that all checks share, and on a topic for each check, which
//! alone can be trimmed.

use std::sync::Arc;

use kudos_core::Operation;
use kudos_core::ports::{EventLog, Position, ReactionStore};
use kudos_kafka::{KafkaLog, KafkaSettings, migrate_topics};
use kudos_testkit::MemoryTruth;
use kudos_testkit::contract::{Backend, HasLog};

use crate::broker::{Topics, brokers, kinds};

async fn commit(truth: &MemoryTruth, log: &KafkaLog, op: Operation) {
    let user = op.user.clone();
    let applied = truth.apply(op).await.expect("the model takes it");
    if let Some(change) = applied.change(&user) {
        log.publish(&change).await.expect("the broker takes it");
    }
}

/// The topic of the stack.
struct Shared {
    truth: MemoryTruth,
    log: Arc<KafkaLog>,
}

fn stack() -> KafkaSettings {
    KafkaSettings { brokers: brokers(), ..KafkaSettings::default() }
}

impl Backend for Shared {
    const SHARED: bool = true;

    async fn open() -> Self {
        let migrated = migrate_topics(&stack()).await;
        migrated.unwrap_or_else(|fault| panic!("{fault}: start it with `make stack-up`"));
        let log = KafkaLog::new(&stack(), kinds()).unwrap();
        Self { truth: MemoryTruth::new(), log: Arc::new(log) }
    }

    async fn restart(self) -> Self {
        let log = Arc::new(KafkaLog::new(&stack(), kinds()).unwrap());
        Self { log, ..self }
    }
}

impl HasLog for Shared {
    fn log(&self) -> Arc<dyn EventLog> {
        self.log.clone()
    }

    async fn commit(&self, op: Operation) {
        commit(&self.truth, &self.log, op).await;
    }
}

/// A topic of its own.
struct Private {
    truth: MemoryTruth,
    log: Arc<KafkaLog>,
    topics: Topics,
}

impl Backend for Private {
    async fn open() -> Self {
        let topics = Topics::create().await;
        Self { truth: MemoryTruth::new(), log: Arc::new(topics.log()), topics }
    }

    async fn restart(self) -> Self {
        Self { log: Arc::new(self.topics.log()), ..self }
    }
}

impl HasLog for Private {
    fn log(&self) -> Arc<dyn EventLog> {
        self.log.clone()
    }

    async fn commit(&self, op: Operation) {
        commit(&self.truth, &self.log, op).await;
    }

    async fn trim(&self, _: &Position) -> bool {
        let Position(head) = self.log.head().await.unwrap();
        self.topics.trim(&head).await;
        true
    }
}

mod shared {
    use super::Shared;
    kudos_testkit::event_log_contract!(Shared);
}

mod private {
    use super::Private;
    kudos_testkit::event_log_contract!(Private);
}
