//! Group commit: one lane per bucket of a post. Whatever queues while its last commit is under way
//! goes into the next one, so a viral post costs fewer commits per reaction, not more.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kudos_core::{Applied, ApplyError, PortError};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::attempt::Task;
use super::commit::{Committer, Pace};
use super::partition::Place;

/// The most operations in a commit: enough to share its cost, few enough for it to stay quick.
const MAX_BATCH: usize = 64;
/// When a caller that found a lane full may come back.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// An operation that waits for its commit, and who waits for it.
pub(crate) struct Job {
    pub(crate) task: Task,
    pub(crate) reply: oneshot::Sender<Result<Applied, ApplyError>>,
}

/// The lanes at work. A lane that has nothing to do is not there.
pub(crate) struct Lanes {
    committer: Arc<Committer>,
    queues: Mutex<HashMap<Place, VecDeque<Job>>>,
    max_lanes: usize,
    max_queue: usize,
}

impl Lanes {
    pub(crate) fn new(committer: Arc<Committer>, max_lanes: usize, max_queue: usize) -> Self {
        Self { committer, queues: Mutex::new(HashMap::new()), max_lanes, max_queue }
    }

    /// Commits an operation together with those that wait beside it.
    pub(crate) async fn apply(
        self: &Arc<Self>,
        place: Place,
        task: Task,
    ) -> Result<Applied, ApplyError> {
        let (reply, answer) = oneshot::channel();
        self.queue(place, Job { task, reply })?;
        // A lane that ends without an answer did not say what became of the operation.
        answer.await.unwrap_or(Err(PortError::Timeout.into()))
    }

    fn queue(self: &Arc<Self>, place: Place, job: Job) -> Result<(), PortError> {
        let mut queues = self.queues.lock();
        let lanes = queues.len();
        match queues.entry(place) {
            Entry::Occupied(queue) if queue.get().len() >= self.max_queue => {
                Err(PortError::Busy { retry_after: RETRY_AFTER })
            }
            Entry::Occupied(mut queue) => {
                queue.get_mut().push_back(job);
                Ok(())
            }
            Entry::Vacant(_) if lanes >= self.max_lanes => {
                Err(PortError::Busy { retry_after: RETRY_AFTER })
            }
            Entry::Vacant(queue) => {
                let place = queue.key().clone();
                queue.insert(VecDeque::from([job]));
                tokio::spawn(Arc::clone(self).run(place));
                Ok(())
            }
        }
    }

    /// Commits batch after batch until nothing waits.
    async fn run(self: Arc<Self>, place: Place) {
        let mut pace = Pace::default();
        loop {
            pace.give_way().await;
            let Some(jobs) = self.next_batch(&place) else { return };
            self.committer.commit(&place, jobs, &mut pace).await;
        }
    }

    /// What waits; closes the lane if nothing does.
    fn next_batch(&self, place: &Place) -> Option<Vec<Job>> {
        let mut queues = self.queues.lock();
        let queue = queues.get_mut(place)?;
        if queue.is_empty() {
            queues.remove(place);
            return None;
        }
        let batch = queue.len().min(MAX_BATCH);
        Some(queue.drain(..batch).collect())
    }
}
