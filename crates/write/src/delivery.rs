//! Telling the sinks, at best effort, and never forgetting what one of them missed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{EventLog, LiveCounts};
use kudos_core::{Change, PortError, PostId};
use kudos_degraded::{BestEffort, Deadline, Observer, Reason};

/// Something that follows the truth.
#[async_trait]
pub trait Sink: Send + Sync {
    /// A short, constant name for metrics and the journal.
    fn name(&self) -> &'static str;

    /// Takes over the state of a change if it is newer than what the sink holds.
    async fn deliver(&self, change: &Change) -> Result<(), PortError>;
}

/// Remembers which posts a sink may have missed, so that they are delivered later.
///
/// The durable row that covers a post is written before its commit; this only withholds its
/// closing, in memory. It is called from `Drop` and must neither block nor fail.
pub trait OutageJournal: Send + Sync {
    /// `sink` may not hold the newest state of `post`.
    fn missed(&self, sink: &'static str, post: &PostId, reason: Reason);

    /// Nobody knows whether an operation on `post` was committed, and no sink was told of it: a
    /// retry finds it applied, and has nothing to tell them either.
    fn in_doubt(&self, post: &PostId);
}

/// The live counts as a sink.
pub struct LiveSink(pub Arc<dyn LiveCounts>);

#[async_trait]
impl Sink for LiveSink {
    fn name(&self) -> &'static str {
        "live"
    }

    async fn deliver(&self, change: &Change) -> Result<(), PortError> {
        self.0.merge(std::slice::from_ref(&change.state)).await
    }
}

/// The event log as a sink.
pub struct LogSink(pub Arc<dyn EventLog>);

#[async_trait]
impl Sink for LogSink {
    fn name(&self) -> &'static str {
        "log"
    }

    async fn deliver(&self, change: &Change) -> Result<(), PortError> {
        self.0.publish(change).await
    }
}

/// All sinks of a writer, and the time that a write gives them.
pub struct Deliveries {
    sinks: Vec<(Arc<dyn Sink>, BestEffort)>,
    journal: Arc<dyn OutageJournal>,
    budget: Duration,
}

impl Deliveries {
    /// Sinks that are told in parallel, all within `budget`.
    pub fn new(
        sinks: Vec<Arc<dyn Sink>>,
        journal: Arc<dyn OutageJournal>,
        budget: Duration,
        observer: &Arc<dyn Observer>,
    ) -> Self {
        let guarded = |sink: Arc<dyn Sink>| {
            let effort = BestEffort::observed(sink.name(), budget, Arc::clone(observer));
            (sink, effort)
        };
        Self { sinks: sinks.into_iter().map(guarded).collect(), journal, budget }
    }

    /// Tells every sink, and returns when all have answered or the time is up. What was missed is
    /// in the journal by then, also if the caller goes away.
    pub async fn deliver(&self, change: &Change) {
        let deadline = Deadline::after(self.budget);
        let told = self.sinks.iter().map(|(sink, effort)| {
            let (name, journal, post) = (sink.name(), &self.journal, &change.state.post);
            let delivery = async move { sink.deliver(change).await.map_err(reason) };
            effort.deliver(deadline, delivery, move |why| journal.missed(name, post, why))
        });
        futures::future::join_all(told).await;
    }

    /// To be held while an operation on `post` is applied.
    pub(crate) fn doubt(&self, post: PostId) -> Doubt<'_> {
        Doubt { journal: &*self.journal, post: Some(post) }
    }
}

/// A commit of unknown outcome. Unless it is settled, the journal is told when it is dropped, be
/// it because the truth failed, was too slow, or the caller went away.
pub(crate) struct Doubt<'a> {
    journal: &'a dyn OutageJournal,
    post: Option<PostId>,
}

impl Doubt<'_> {
    /// The outcome is known.
    pub(crate) fn settle(mut self) {
        self.post = None;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(post) = &self.post {
            self.journal.in_doubt(post);
        }
    }
}

fn reason(error: PortError) -> Reason {
    match error {
        PortError::Timeout => Reason::Timeout,
        PortError::Busy { .. } => Reason::Full,
        PortError::Unavailable(_) | PortError::NoSpace | PortError::Corrupt(_) => Reason::Error,
    }
}
