//! Telling the sinks, at best effort, and never forgetting what one of them missed.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{OutageJournal, Snapshots, Ticket};
use kudos_core::{Change, PortError, PostId, Snapshot};
use kudos_degraded::{BestEffort, Deadline, Observer, Reason};

use crate::sink::Sink;

/// How often a stored post is told again because it was changed meanwhile.
const RETELLINGS: usize = 3;

/// All sinks of a writer, and the time that a write gives them.
pub struct Deliveries(Option<Told>);

struct Told {
    sinks: Vec<(Arc<dyn Sink>, BestEffort)>,
    journal: Arc<dyn OutageJournal>,
    truth: Arc<dyn Snapshots>,
    budget: Duration,
}

impl Deliveries {
    /// Nobody to tell: the truth's own commit tells every copy. Nothing needs cover then.
    pub fn none() -> Self {
        Self(None)
    }

    /// Sinks that are told in parallel, all within `budget`. What a stored post looks like is read
    /// from `truth`.
    pub fn new(
        sinks: Vec<Arc<dyn Sink>>,
        journal: Arc<dyn OutageJournal>,
        truth: Arc<dyn Snapshots>,
        budget: Duration,
        observer: &Arc<dyn Observer>,
    ) -> Self {
        let guarded = |sink: Arc<dyn Sink>| {
            let effort = BestEffort::observed(sink.name(), budget, Arc::clone(observer));
            (sink, effort)
        };
        let sinks = sinks.into_iter().map(guarded).collect();
        Self(Some(Told { sinks, journal, truth, budget }))
    }

    /// Notes durably that sinks may miss what is about to be written to `post`.
    ///
    /// # Errors
    /// Those of the journal: then the write must not be done.
    pub async fn cover(&self, post: &PostId) -> Result<Covered<'_>, PortError> {
        let Some(told) = &self.0 else { return Ok(Covered(None)) };
        let ticket = told.journal.cover(post).await?;
        Ok(Covered(Some(Cover { told, ticket, in_doubt: false })))
    }
}

/// A write to one post that the journal covers. Dropped while a commit is in doubt, be it because
/// the truth failed, was too slow, or the caller went away, it tells the journal.
pub struct Covered<'a>(Option<Cover<'a>>);

struct Cover<'a> {
    told: &'a Told,
    ticket: Ticket,
    in_doubt: bool,
}

impl Covered<'_> {
    /// From here on nobody knows whether the write is committed: to be said before the truth is
    /// asked.
    pub fn doubt(&mut self) {
        self.set(true);
    }

    /// The outcome is known; if something was written, it is told next, without waiting between.
    pub fn settle(&mut self) {
        self.set(false);
    }

    fn set(&mut self, in_doubt: bool) {
        if let Some(cover) = &mut self.0 {
            cover.in_doubt = in_doubt;
        }
    }

    /// Tells every sink, and returns when all have answered or the time is up. What was missed is
    /// in the journal by then, also if the caller goes away.
    pub async fn tell_change(self, change: &Change) {
        if let Some(cover) = &self.0 {
            let deadline = Deadline::after(cover.told.budget);
            cover.tell(deadline, |sink| sink.change(change)).await;
        }
    }

    /// Tells every sink what the truth holds of a post that was stored or hidden. Two such writes
    /// that race are told until the last one was told last.
    pub async fn tell_post(mut self, post: &PostId) {
        let Some(cover) = &mut self.0 else { return };
        // If the truth cannot be read now, the journal has it read later.
        cover.in_doubt = true;
        let deadline = Deadline::after(cover.told.budget);
        let mut told = None;
        for _ in 0..RETELLINGS {
            let Some(snapshot) = cover.read(post, deadline).await else { return };
            if told == Some(snapshot.revision) {
                cover.in_doubt = false;
                return;
            }
            told = Some(snapshot.revision);
            let snapshots = std::slice::from_ref(&snapshot);
            cover.tell(deadline, |sink| sink.restate(snapshots)).await;
        }
    }
}

impl Cover<'_> {
    async fn tell<'s, F>(&'s self, deadline: Deadline, delivery: impl Fn(&'s dyn Sink) -> F)
    where
        F: Future<Output = Result<(), PortError>>,
    {
        let told = self.told.sinks.iter().map(|(sink, effort)| {
            let (name, journal, ticket) = (sink.name(), &self.told.journal, self.ticket);
            let delivery = delivery(&**sink);
            let delivery = async move {
                fail::fail_point!(&format!("{name}::before"), |_| std::process::abort());
                let told = delivery.await.map_err(reason);
                fail::fail_point!(&format!("{name}::after"), |_| std::process::abort());
                told
            };
            effort.deliver(deadline, delivery, move |_| journal.missed(ticket, name))
        });
        futures::future::join_all(told).await;
    }

    async fn read(&self, post: &PostId, deadline: Deadline) -> Option<Snapshot> {
        let read = self.told.truth.snapshots(std::slice::from_ref(post));
        deadline.run(read).await.ok()?.ok()?.pop().flatten()
    }
}

impl Drop for Cover<'_> {
    fn drop(&mut self) {
        if self.in_doubt {
            self.told.journal.in_doubt(self.ticket);
        }
        self.told.journal.end(self.ticket);
    }
}

fn reason(error: PortError) -> Reason {
    match error {
        PortError::Timeout => Reason::Timeout,
        PortError::Busy { .. } => Reason::Full,
        PortError::Unavailable(_) | PortError::NoSpace | PortError::Corrupt(_) => Reason::Error,
    }
}
