//! Whole posts told again, as many as there are: what a rebuild and the loader write.
//!
//! The counts and the visibility of a post are in one hash, so both go there in one round trip, and
//! the rank that follows from both is written once. The visibility of a post that was never hidden is
//! not told: nobody can have said otherwise before.

use std::collections::BTreeMap;

use futures::future::join_all;
use kudos_core::{PortError, Snapshot};
use kudos_degraded::Deadline;

use crate::failure::{Cause, Failure, summary};
use crate::hash::{Held, merge_args};
use crate::library::Function;
use crate::live::RedisLive;
use crate::merge::{BATCH, Ranking, Rankings};
use crate::router::{Asks, Job};

/// The revision of a post that was stored and not touched since.
const STORED: u64 = 1;

/// A command, and the place of its snapshot in the batch.
type Owned = (usize, Job);

impl RedisLive {
    /// See [`kudos_core::ports::LiveCounts::restate`].
    pub(crate) async fn restate_posts(&self, snapshots: &[Snapshot]) -> Result<(), PortError> {
        let nodes = self.by_node(snapshots, |snapshot| &snapshot.post.id);
        let flows = nodes.into_iter().map(|snapshots| async move {
            let mut failures = Vec::new();
            for batch in snapshots.chunks(BATCH) {
                self.restate_batch(batch, &mut failures).await;
            }
            failures
        });
        summary(join_all(flows).await.into_iter().flatten().collect())
    }

    async fn restate_batch(&self, snapshots: &[&Snapshot], failures: &mut Vec<Failure>) {
        let deadline = self.deadline();
        let places = || snapshots.iter().enumerate();
        let counts = places().map(|(place, snapshot)| (place, self.counts_job(snapshot)));
        let hides = places().filter(|(_, told)| told.hidden || told.revision > STORED);
        let hides = hides.map(|(place, snapshot)| (place, self.hide_job(snapshot)));
        // A post's counts come first: nothing is hidden that is not held.
        let jobs: Vec<Owned> = counts.chain(hides).collect();
        let mut held = BTreeMap::new();
        self.tell(snapshots, jobs, deadline, &mut held, failures).await;
        let differ = held
            .iter()
            .filter_map(|(&place, held)| Some((place, self.correction(snapshots[place], held)?)));
        let corrections: Vec<Owned> = differ.collect();
        if !corrections.is_empty() {
            self.tell(snapshots, corrections, deadline, &mut held, failures).await;
        }
        let rankings = held.into_values().map(|held| (held.state.post.clone(), Ranking::new(held)));
        self.rank(rankings.collect::<Rankings>(), deadline, failures).await;
    }

    /// Runs commands that answer with a post's hash. Of several for one post, the last answer is how
    /// the hash is now.
    async fn tell(
        &self,
        snapshots: &[&Snapshot],
        jobs: Vec<Owned>,
        deadline: Deadline,
        held: &mut BTreeMap<usize, Held>,
        failures: &mut Vec<Failure>,
    ) {
        let (owners, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
        let answers = self.cluster.run(&jobs, Asks::Master, deadline).await;
        for (place, answer) in owners.into_iter().zip(answers) {
            let read = answer.and_then(|reply| {
                // An empty hash was flushed between two commands: the post has to be told again.
                let now = self.held(&snapshots[place].post.id, &reply);
                now.ok_or_else(|| Failure::general(Cause::Unreadable))
            });
            match read {
                Ok(now) => drop(held.insert(place, now)),
                Err(failure) => {
                    held.remove(&place);
                    failures.push(failure);
                }
            }
        }
    }

    fn counts_job(&self, snapshot: &Snapshot) -> Job {
        let hash = self.keys.hash(&snapshot.post.id);
        Job::call(Function::Merge, vec![hash], merge_args(&snapshot.state, &self.kinds))
    }

    fn hide_job(&self, snapshot: &Snapshot) -> Job {
        let hash = self.keys.hash(&snapshot.post.id);
        let args = vec![u8::from(snapshot.hidden).to_string(), snapshot.revision.to_string()];
        Job::call(Function::Hide, vec![hash], args)
    }

    /// What is left to say to a hash that held these counts before, or newer ones.
    fn correction(&self, snapshot: &Snapshot, held: &Held) -> Option<Job> {
        if held.state.created_at != snapshot.post.created_at {
            let hash = self.keys.hash(&snapshot.post.id);
            let args = merge_args(&snapshot.introduction(), &self.kinds);
            return Some(Job::call(Function::Merge, vec![hash], args));
        }
        (held.hidden && !snapshot.hidden && snapshot.revision <= STORED)
            .then(|| self.hide_job(snapshot))
    }
}
