use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

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

/// Where a job reports to. When the receiver is gone, nobody wants the job any more.
pub(crate) struct Reporter {
    events: mpsc::Sender<Event>,
    began: Instant,
    next_ms: AtomicU64,
}

impl Reporter {
    /// A reporter, and what it reports. The queue is short: progress that finds no room is left
    /// out, because the next one says more.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(64);
        (Self { events, began: Instant::now(), next_ms: AtomicU64::new(0) }, receiver)
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
}
