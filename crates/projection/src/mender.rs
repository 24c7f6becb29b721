//! Posts that a reader found missing from a sink: evicted, or deleted by hand.

use std::collections::HashSet;
use std::sync::Arc;

use kudos_core::PostId;
use kudos_core::ports::Snapshots;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::sink::Sink;

/// The most posts that wait; more are found missing again by their next reader.
const WAITING: usize = 10_000;
/// Posts that are mended at a time.
const STEP: usize = 100;

/// Loads posts from the truth into a sink that has lost them.
pub struct Mender {
    sink: Arc<dyn Sink>,
    truth: Arc<dyn Snapshots>,
    waiting: Mutex<HashSet<PostId>>,
    found: Notify,
}

impl Mender {
    /// A mender that is idle until [`run`](Self::run).
    pub fn new(sink: Arc<dyn Sink>, truth: Arc<dyn Snapshots>) -> Self {
        Self { sink, truth, waiting: Mutex::default(), found: Notify::new() }
    }

    /// Has posts mended soon, at best effort: neither waits nor fails.
    pub fn mend(&self, posts: &[PostId]) {
        let mut waiting = self.waiting.lock();
        let room = WAITING.saturating_sub(waiting.len());
        waiting.extend(posts.iter().take(room).cloned());
        self.found.notify_one();
    }

    /// Mends until the future is dropped.
    pub async fn run(&self) {
        loop {
            self.found.notified().await;
            loop {
                let posts = self.take();
                if posts.is_empty() {
                    break;
                }
                self.load(&posts).await;
            }
        }
    }

    fn take(&self) -> Vec<PostId> {
        let mut waiting = self.waiting.lock();
        let posts: Vec<_> = waiting.iter().take(STEP).cloned().collect();
        for post in &posts {
            waiting.remove(post);
        }
        posts
    }

    /// What fails is found missing again by the next reader.
    async fn load(&self, posts: &[PostId]) {
        let snapshots = match self.truth.snapshots(posts).await {
            Ok(snapshots) => snapshots.into_iter().flatten().collect::<Vec<_>>(),
            Err(error) => return tracing::debug!(%error, "posts cannot be read to be mended"),
        };
        if let Err(error) = self.sink.restate(&snapshots).await {
            tracing::debug!(%error, sink = self.sink.name(), "posts cannot be mended now");
        }
    }
}
