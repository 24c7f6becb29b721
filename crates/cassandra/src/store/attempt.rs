//! What a batch of operations makes of a partition: decided in memory, written by one conditional
//! batch or not at all.

use std::collections::BTreeMap;

use kudos_core::{
    Applied, ApplyError, Counts, Decision, Millis, Operation, Outcome, PortError, PostState,
    UserId, UserRow, Version,
};

use super::partition::{Head, Partition};
use crate::codec::damaged;

/// An operation on its way to a commit.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) op: Operation,
    /// When its post was created.
    pub(crate) created_at: Millis,
    /// What was answered by attempts of which nobody knows whether they were applied.
    pub(crate) doubts: Vec<Applied>,
}

/// What the other buckets of the post add to its version and counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Others {
    pub(crate) version: u64,
    pub(crate) counts: Counts,
}

impl Others {
    pub(crate) fn add(&mut self, head: &Head) {
        self.version += head.version.0;
        self.counts = sum(&self.counts, &head.counts);
    }

    pub(crate) fn and(&self, head: &Head) -> (Version, Counts) {
        (Version(self.version + head.version.0), sum(&self.counts, &head.counts))
    }
}

fn sum(a: &Counts, b: &Counts) -> Counts {
    let (a, b) = (a.as_slice(), b.as_slice());
    let of = |counts: &[u64], i: usize| counts.get(i).copied().unwrap_or(0);
    (0..a.len().max(b.len())).map(|i| of(a, i).saturating_add(of(b, i))).collect()
}

/// A commit that was decided.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// The `seq` that it was decided on, and on which its write depends.
    pub(crate) expected: Option<i64>,
    /// The statics after it.
    pub(crate) head: Head,
    /// The rows that it changes; without any, there is nothing to write.
    pub(crate) rows: Vec<(UserId, UserRow)>,
    /// What each operation is answered once it is written.
    pub(crate) answers: Vec<Result<Applied, ApplyError>>,
}

/// Decides the tasks in their order: each sees the effect of those before it.
pub(crate) fn decide<'t>(
    partition: Partition,
    others: &Others,
    tasks: impl Iterator<Item = &'t Task>,
) -> Attempt {
    let Partition { head, rows } = partition;
    let mut staging = Staging {
        expected: head.seq,
        head,
        others,
        rows: rows.into_iter().map(|(user, row)| (user, (row, false))).collect(),
    };
    let answers = tasks.map(|task| staging.react(task)).collect();
    staging.finish(answers)
}

struct Staging<'a> {
    expected: Option<i64>,
    head: Head,
    others: &'a Others,
    /// With whether they changed.
    rows: BTreeMap<UserId, (Result<UserRow, PortError>, bool)>,
}

impl Staging<'_> {
    fn react(&mut self, task: &Task) -> Result<Applied, ApplyError> {
        let op = &task.op;
        let new = || (Ok(UserRow::default()), false);
        let (row, dirty) = self.rows.entry(op.user.clone()).or_insert_with(new);
        let row = row.as_mut().map_err(|error| ApplyError::Port(error.clone()))?;
        let changed = match row.decide(op) {
            Decision::Replay(outcome) => return Ok(replay(task, outcome)),
            // An attempt may have applied it and have been forgotten since: nobody knows.
            Decision::Stale if !task.doubts.is_empty() => return Err(PortError::Timeout.into()),
            Decision::Stale => return Err(ApplyError::Stale),
            Decision::KeyReused => return Err(ApplyError::KeyReused),
            Decision::Apply { changed } => changed,
        };
        let from = row.kind;
        if changed {
            let shifted = self.head.counts.shift(from, op.want);
            shifted.map_err(|error| damaged(&format!("counts of {}", op.post), error))?;
            self.head.version = self.head.version.next();
            self.head.as_of = op.at;
        }
        let (version, counts) = self.others.and(&self.head);
        let outcome = Outcome { mine: op.want, changed, version, counts, at: op.at };
        row.record(op, outcome.clone());
        *dirty = true;
        Ok(answer(task, outcome, from, false))
    }

    fn finish(mut self, answers: Vec<Result<Applied, ApplyError>>) -> Attempt {
        self.head.seq = Some(self.expected.unwrap_or(0) + 1);
        let dirty = self.rows.into_iter().filter(|(_, (_, dirty))| *dirty);
        let rows = dirty.filter_map(|(user, (row, _))| Some((user, row.ok()?))).collect();
        Attempt { expected: self.expected, head: self.head, rows, answers }
    }
}

/// An operation that the row remembers. If an attempt of ours wrote it, its answer is the first.
fn replay(task: &Task, outcome: Outcome) -> Applied {
    let ours = task.doubts.iter().find(|doubt| doubt.outcome == outcome);
    ours.cloned().unwrap_or_else(|| answer(task, outcome, None, true))
}

fn answer(
    task: &Task,
    outcome: Outcome,
    from: Option<kudos_core::Kind>,
    replayed: bool,
) -> Applied {
    let Outcome { version, ref counts, at, .. } = outcome;
    let (post, counts) = (task.op.post.clone(), counts.clone());
    let state = PostState { post, created_at: task.created_at, version, counts, as_of: at };
    Applied { outcome, from, replayed, state }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kudos_core::{Kind, PostId};

    const LIKE: Option<Kind> = Some(Kind(0));
    const LOVE: Option<Kind> = Some(Kind(1));

    fn task(key: &str, user: &str, want: Option<Kind>) -> Task {
        let (post, user) = (PostId::new("p").unwrap(), UserId::new(user).unwrap());
        let op = Operation::keyed(key, post, user, want, Millis(7));
        Task { op, created_at: Millis(1), doubts: Vec::new() }
    }

    fn attempt(partition: Partition, tasks: &[Task]) -> Attempt {
        decide(partition, &Others::default(), tasks.iter())
    }

    /// What a read finds after the attempt was applied.
    fn after(attempt: &Attempt) -> Partition {
        let rows = attempt.rows.iter().map(|(user, row)| (user.clone(), Ok(row.clone())));
        Partition { head: attempt.head.clone(), rows: rows.collect() }
    }

    #[test]
    fn operations_of_one_user_in_one_batch_follow_each_other() {
        let tasks = [task("a", "u", LIKE), task("b", "u", LOVE), task("a", "u", LIKE)];
        let attempt = attempt(Partition::default(), &tasks);
        let answers: Vec<_> = attempt.answers.iter().map(|a| a.as_ref().unwrap()).collect();
        assert_eq!(answers.iter().map(|a| a.replayed).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!((answers[1].from, answers[1].outcome.counts.as_slice()), (LIKE, &[0, 1][..]));
        assert_eq!((attempt.expected, attempt.head.seq, attempt.rows.len()), (None, Some(1), 1));
        assert_eq!(attempt.head.version, Version(2));
    }

    #[test]
    fn retries_alone_write_nothing() {
        let tasks = [task("a", "u", LIKE)];
        let again = attempt(after(&attempt(Partition::default(), &tasks)), &tasks);
        assert!(again.rows.is_empty());
        assert!(again.answers[0].as_ref().unwrap().replayed);
    }

    #[test]
    fn an_attempt_in_doubt_that_was_applied_is_answered_as_the_first_time() {
        let mut tasks = [task("a", "u", LIKE)];
        let first = attempt(Partition::default(), &tasks);
        tasks[0].doubts.push(first.answers[0].clone().unwrap());
        let settled = attempt(after(&first), &tasks);
        assert_eq!(settled.answers, first.answers);
        assert!(settled.rows.is_empty());
    }

    #[test]
    fn an_attempt_in_doubt_that_somebody_else_applied_is_a_retry() {
        let other = attempt(Partition::default(), &[task("x", "v", LOVE), task("a", "u", LIKE)]);
        let mut tasks = [task("a", "u", LIKE)];
        tasks[0].doubts.push(attempt(Partition::default(), &tasks).answers[0].clone().unwrap());
        let settled = attempt(after(&other), &tasks);
        assert!(settled.answers[0].as_ref().unwrap().replayed);
    }

    #[test]
    fn a_damaged_row_fails_its_user_alone() {
        let damaged = PortError::Corrupt("test".into());
        let user = UserId::new("u").unwrap();
        let rows = [(user, Err(damaged.clone()))].into();
        let partition = Partition { rows, ..Partition::default() };
        let attempt = attempt(partition, &[task("a", "u", LIKE), task("b", "v", LIKE)]);
        assert_eq!(attempt.answers[0], Err(damaged.into()));
        assert!(attempt.answers[1].is_ok());
        assert_eq!(attempt.rows.len(), 1);
    }

    #[test]
    fn the_answer_adds_what_the_other_buckets_hold() {
        let others = Others { version: 5, counts: Counts::from_iter([2, 1]) };
        let tasks = [task("a", "u", LIKE)];
        let attempt = decide(Partition::default(), &others, tasks.iter());
        let applied = attempt.answers[0].as_ref().unwrap();
        assert_eq!(applied.outcome.version, Version(6));
        assert_eq!(applied.outcome.counts.as_slice(), [3, 1]);
        assert_eq!(attempt.head.counts.as_slice(), [1]);
    }
}
