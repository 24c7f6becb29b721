//! The backends in memory of whoever keeps or mends copies keep every promise.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{
    ChangeFeed, EventLog, Leases, OutageJournal, OutageWindows, PostStore, Projection,
    ReactionStore, Record, Snapshots,
};
use kudos_core::{Change, Operation, PostId};
use kudos_testkit::contract::{
    Backend, HasFeed, HasJournal, HasLeases, HasLog, HasPosts, HasProjection, HasReactions,
    HasSnapshots, Shown,
};
use kudos_testkit::scope::NOW;
use kudos_testkit::{
    ManualClock, MemoryJournal, MemoryLeases, MemoryProjection, MemoryTopic, MemoryTruth, Scope,
};

#[derive(Default)]
struct Truth(Arc<MemoryTruth>);

impl Backend for Truth {
    async fn open() -> Self {
        Self::default()
    }
}

impl HasReactions for Truth {
    fn reactions(&self) -> Arc<dyn ReactionStore> {
        self.0.clone()
    }
}

impl HasPosts for Truth {
    fn posts(&self) -> Arc<dyn PostStore> {
        self.0.clone()
    }
}

impl HasSnapshots for Truth {
    fn snapshots(&self) -> Arc<dyn Snapshots> {
        self.0.clone()
    }
}

mod snapshots {
    kudos_testkit::snapshots_contract!(super::Truth);
}

struct Copy(Arc<MemoryProjection>);

impl Backend for Copy {
    async fn open() -> Self {
        Self(Arc::new(MemoryProjection::new("copy")))
    }
}

impl HasProjection for Copy {
    fn projection(&self) -> Arc<dyn Projection> {
        self.0.clone()
    }

    async fn shown(&self, post: &PostId) -> Option<Shown> {
        let held = self.0.held(post).filter(|held| !held.hidden)?;
        Some(Shown { counts: held.state.counts, title: Some(held.post.title) })
    }
}

mod projection {
    kudos_testkit::projection_contract!(super::Copy);
}

struct Journal {
    clock: ManualClock,
    journal: Arc<MemoryJournal<ManualClock>>,
    crashes: u32,
}

impl Backend for Journal {
    async fn open() -> Self {
        let clock = ManualClock::new(NOW);
        let journal = Arc::new(MemoryJournal::new(clock.clone()));
        Self { clock, journal, crashes: 0 }
    }
}

impl HasJournal for Journal {
    fn journal(&self) -> Arc<dyn OutageJournal> {
        self.journal.clone()
    }

    fn windows(&self) -> Arc<dyn OutageWindows> {
        self.journal.clone()
    }

    async fn close(&self) {
        self.clock.advance(Duration::from_secs(10));
        self.journal.close_windows();
    }

    async fn crash(self) -> Self {
        self.journal.crash();
        let crashes = self.crashes + 1;
        let journal = Arc::new(self.journal.writer(&format!("w{crashes}")));
        Self { journal, crashes, ..self }
    }
}

mod outage {
    kudos_testkit::outage_contract!(super::Journal);
}

struct Leased(Arc<MemoryLeases>);

impl Backend for Leased {
    async fn open() -> Self {
        Self(Arc::new(MemoryLeases::new()))
    }
}

impl HasLeases for Leased {
    fn leases(&self) -> Arc<dyn Leases> {
        self.0.clone()
    }
}

mod leases {
    kudos_testkit::leases_contract!(super::Leased);
}

struct Topic {
    topic: MemoryTopic,
}

impl Backend for Topic {
    async fn open() -> Self {
        Self { topic: MemoryTopic::new(4) }
    }
}

impl HasFeed for Topic {
    async fn join(&self) -> Arc<dyn ChangeFeed> {
        Arc::new(self.topic.join())
    }

    async fn kill(&self, feed: Arc<dyn ChangeFeed>) {
        drop(feed);
    }

    async fn publish(&self, change: &Change) {
        self.topic.publish(change).await.unwrap();
    }

    async fn poison(&self, _: &Scope) -> bool {
        self.topic.poison(2, "not a change");
        true
    }

    async fn is_aside(&self, record: &Record) -> bool {
        self.topic.aside().iter().any(|(aside, _)| aside == record)
    }
}

mod change_feed {
    kudos_testkit::change_feed_contract!(super::Topic);
}

/// A topic of one partition, as a log.
struct Log {
    topic: MemoryTopic,
    truth: MemoryTruth,
}

impl Backend for Log {
    async fn open() -> Self {
        Self { topic: MemoryTopic::new(1), truth: MemoryTruth::new() }
    }
}

impl HasLog for Log {
    fn log(&self) -> Arc<dyn EventLog> {
        Arc::new(self.topic.clone())
    }

    async fn commit(&self, op: Operation) {
        let applied = self.truth.apply(op.clone()).await.unwrap();
        if let Some(change) = applied.change(&op.user) {
            self.topic.publish(&change).await.unwrap();
        }
    }
}

mod event_log {
    kudos_testkit::event_log_contract!(super::Log);
}
