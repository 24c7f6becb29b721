//! One commit: read, decide, write on condition; again if somebody else was first; and if nobody
//! knows what came of the write, find out before anything else is done.
//!
//! - A write that lost will never be applied: the read is out of date, so it starts over.
//! - A write in doubt may be applied now, later, or never. A settling read finishes what the nodes
//!   have under way; then each operation is decided anew. Those that are in their rows are done.
//!   For the others a new write has the same condition as the one in doubt, so that of the two at
//!   most one is applied, however long the other was held up on its way.
//! - Callers that left are dropped right before the write, after the read. So a [fence] that
//!   follows upon their leaving finds each of their writes either applied or impossible: a write
//!   still under way depends on a `seq` that was read before the fence.
//!
//! [fence]: super::partition::Partitions::fence

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use kudos_core::{ApplyError, Kinds, PortError};
use tokio::time::Instant;

use super::attempt::{Attempt, Others, Task, decide};
use super::lanes::Job;
use super::partition::{Partition, Partitions, Place};
use crate::counters::Counters;
use crate::session::Db;

/// How many commits a lane gives way after it met another writer.
const WARY: u32 = 16;
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// What a commit is taken to last before one was measured.
const TYPICAL: Duration = Duration::from_millis(5);
/// How long callers wait who find that others were always first.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Commits batches of operations on one partition.
pub(crate) struct Committer {
    pub(crate) db: Arc<Db>,
    pub(crate) kinds: Arc<Kinds>,
    pub(crate) partitions: Partitions,
    pub(crate) counters: Counters,
    pub(crate) buckets: u8,
    pub(crate) timeout: Duration,
}

/// How a lane shares its partition with writers elsewhere. One that commits as fast as it can
/// makes all others read in vain; so while there are others, each waits for about a commit's time
/// between its own, at random, and has more in its next batch instead.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The `seq` of the last own commit.
    own: Option<i64>,
    wary: u32,
    lasts: Option<Duration>,
}

impl Pace {
    /// Waits for others, if any were met lately.
    pub(crate) async fn give_way(&mut self) {
        if self.wary > 0 {
            self.wary -= 1;
            self.wait(1).await;
        }
    }

    async fn wait(&self, factor: u32) {
        let longest = self.lasts.unwrap_or(TYPICAL).saturating_mul(2 * factor).min(LONGEST_WAIT);
        tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
    }

    fn read(&mut self, seq: Option<i64>) {
        if self.own.is_some() && seq != self.own {
            self.wary = WARY;
        }
    }

    fn lost(&mut self) {
        self.wary = WARY;
    }

    fn committed(&mut self, seq: Option<i64>, lasted: Duration) {
        self.own = seq;
        self.lasts = Some(self.lasts.map_or(lasted, |before| (before * 3 + lasted) / 4));
    }
}

/// What became of one attempt.
enum Step {
    Done,
    Again(Vec<Job>),
}

impl Committer {
    /// Commits the jobs and answers each.
    pub(crate) async fn commit(&self, place: &Place, mut jobs: Vec<Job>, pace: &mut Pace) {
        let deadline = Instant::now() + self.timeout;
        let (mut settle, mut attempts) = (false, 0);
        loop {
            let read = self.read(place, &jobs, settle).await;
            let failed = match read {
                Ok((partition, others)) => {
                    pace.read(partition.head.seq);
                    match self.attempt(place, jobs, partition, &others, pace).await {
                        Step::Done => return,
                        Step::Again(left) => {
                            jobs = left;
                            settle = jobs.iter().any(|job| !job.task.doubts.is_empty());
                            PortError::Busy { retry_after: RETRY_AFTER }
                        }
                    }
                }
                Err(error) => error,
            };
            attempts += 1;
            if Instant::now() >= deadline || (!settle && !matches!(failed, PortError::Busy { .. }))
            {
                return give_up(jobs, &failed);
            }
            pace.wait(attempts).await;
        }
    }

    async fn read(
        &self,
        place: &Place,
        jobs: &[Job],
        settle: bool,
    ) -> Result<(Partition, Others), PortError> {
        let users = jobs.iter().map(|job| &job.task.op.user);
        let rows = self.partitions.read(&self.db, &self.kinds, place, users, settle);
        tokio::try_join!(rows, self.others(place))
    }

    /// The sum of the post's other buckets.
    async fn others(&self, place: &Place) -> Result<Others, PortError> {
        let mut others = Others::default();
        if self.buckets > 1 {
            let places: Vec<_> =
                Place::all(&place.post, self.buckets).filter(|other| other != place).collect();
            let head = |place| self.partitions.head(&self.db, &self.kinds, place, false);
            let heads: Vec<_> = places.iter().map(head).collect();
            try_join_all(heads).await?.iter().flatten().for_each(|head| others.add(head));
        }
        Ok(others)
    }

    async fn attempt(
        &self,
        place: &Place,
        mut jobs: Vec<Job>,
        partition: Partition,
        others: &Others,
        pace: &mut Pace,
    ) -> Step {
        jobs.retain(|job| !job.reply.is_closed());
        let tasks = jobs.iter().map(|job| &job.task);
        let attempt = decide(partition, others, tasks);
        if attempt.rows.is_empty() {
            answer(jobs, attempt);
            return Step::Done;
        }
        let began = Instant::now();
        match self.partitions.commit(&self.db, &self.kinds, place, &attempt).await {
            Ok(true) => {
                pace.committed(attempt.head.seq, began.elapsed());
                self.counters.committed(jobs.len());
                let attempt = self.with_all_buckets(place, attempt).await;
                answer(jobs, attempt);
                Step::Done
            }
            Ok(false) => {
                pace.lost();
                self.counters.lost();
                Step::Again(jobs)
            }
            Err(error) => {
                tracing::debug!(%error, post = %place.post, "a commit is in doubt");
                self.counters.in_doubt();
                for (job, answer) in jobs.iter_mut().zip(attempt.answers) {
                    job.task.doubts.extend(answer.ok().filter(|applied| !applied.replayed));
                }
                Step::Again(jobs)
            }
        }
    }

    /// With several buckets, the state that projections learn is the sum of all of them, read
    /// after the commit. Two commits in two buckets may then tell different counts under one
    /// version, as neither saw the other; but the highest version is the sum of every bucket's
    /// highest, so only the full state has it. Whichever of the last commits ends last reads
    /// after all of them were committed, and tells it: projections, which keep the highest
    /// version, end there.
    async fn with_all_buckets(&self, place: &Place, mut attempt: Attempt) -> Attempt {
        if self.buckets == 1 {
            return attempt;
        }
        let others = self.others(place).await;
        for answer in &mut attempt.answers {
            *answer = match (std::mem::replace(answer, Err(ApplyError::Stale)), &others) {
                (Ok(mut applied), Ok(others)) if !applied.replayed => {
                    let state = &mut applied.state;
                    (state.version, state.counts) = others.and(&attempt.head);
                    state.as_of = attempt.head.as_of;
                    Ok(applied)
                }
                // It is committed, and nobody could tell the projections.
                (Ok(applied), Err(error)) if !applied.replayed => Err(error.clone().into()),
                (answer, _) => answer,
            };
        }
        attempt
    }
}

fn answer(jobs: Vec<Job>, attempt: Attempt) {
    for (job, answer) in jobs.into_iter().zip(attempt.answers) {
        // A caller that left does not want to know.
        let _ = job.reply.send(answer);
    }
}

/// Of a job without doubts nothing was applied; of the others nobody knows.
fn give_up(jobs: Vec<Job>, error: &PortError) {
    for job in jobs {
        let Task { doubts, .. } = &job.task;
        let error = if doubts.is_empty() { error.clone() } else { PortError::Timeout };
        let _ = job.reply.send(Err(error.into()));
    }
}
