use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use kudos_embedded::Step;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// The least time between two progress events of a job.
const INTERVAL_MS: u64 = 100;

/// What a job says while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// How far a part of the job is.
    Progress {
        /// What is counted, such as `posts`.
        task: String,
        done: u64,
        /// Not always known.
        total: Option<u64>,
    },
    /// A line for a person.
    Note { text: String },
}

/// Where a job reports to. When the receiver is gone, nobody wants the job any more. Clones share
/// the receiver.
#[derive(Clone)]
pub(crate) struct Reporter {
    events: mpsc::Sender<Event>,
    began: Instant,
    next_ms: Arc<AtomicU64>,
}

impl Reporter {
    /// A reporter, and what it reports. The queue is short: progress that finds no room is left
    /// out, because the next one says more.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(64);
        (Self { events, began: Instant::now(), next_ms: Arc::default() }, receiver)
    }

    /// Says how far a part of the job is; at most a few times a second, and when it is complete.
    pub(crate) fn progress(&self, task: &str, done: u64, total: Option<u64>) {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if elapsed < self.next_ms.load(Ordering::Relaxed) && total != Some(done) {
            return;
        }
        self.next_ms.store(elapsed + INTERVAL_MS, Ordering::Relaxed);
        let _ = self.events.try_send(Event::Progress { task: task.to_owned(), done, total });
    }

    /// The same for a job on a thread of its own, which learns whether it is still wanted.
    pub(crate) fn step(&self, task: &str, step: Step) -> ControlFlow<()> {
        self.progress(task, step.done, Some(step.total));
        if self.events.is_closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Says something to a person.
    pub(crate) async fn note(&self, text: String) {
        // Nobody to tell: the job is about to be dropped.
        let _ = self.events.send(Event::Note { text }).await;
    }
}
