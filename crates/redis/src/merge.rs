//! Writing: states into hashes, and what hashes say into the orders.
//!
//! A hash and the orders are on different nodes, so a rank that is written late could overwrite a
//! newer one. Therefore each writer, when its rank is written, reads the hash again, and if that
//! has changed meanwhile, writes the rank that follows from it now, until nothing has changed. The
//! last writer of a rank has then seen the newest hash.

use std::collections::BTreeMap;

use futures::future::join_all;
use kudos_core::{Millis, PortError, PostId, PostState};
use kudos_degraded::Deadline;

use crate::failure::{Cause, Failure, summary};
use crate::hash::{Held, merge_args};
use crate::library::Function;
use crate::live::RedisLive;
use crate::placing::Placing;
use crate::router::{Asks, Job};
use crate::settings::Mode;

/// The most posts whose commands go to a node in one go.
pub(crate) const BATCH: usize = 128;
/// How often a rank follows a hash that changes all the while. Whoever changes it last is not
/// disturbed by that.
const ROUNDS: usize = 16;

/// A post whose rank is being written.
pub(crate) struct Ranking {
    pub(crate) held: Held,
    /// Creation times under which windows may list it.
    pub(crate) earlier: Vec<Millis>,
}

impl Ranking {
    pub(crate) fn new(held: Held) -> Self {
        Self { earlier: held.earlier().collect(), held }
    }

    fn follow(&mut self, now: Held) {
        self.earlier.push(self.held.state.created_at);
        self.earlier.extend(now.earlier());
        self.held = now;
    }
}

pub(crate) type Rankings = BTreeMap<PostId, Ranking>;

impl RedisLive {
    /// See [`kudos_core::ports::LiveCounts::merge`].
    pub(crate) async fn merge_states(&self, states: &[PostState]) -> Result<(), PortError> {
        let flows =
            self.by_node(states, |state| &state.post).into_iter().map(|states| async move {
                let mut failures = Vec::new();
                for batch in states.chunks(BATCH) {
                    self.merge_batch(batch, &mut failures).await;
                }
                failures
            });
        summary(join_all(flows).await.into_iter().flatten().collect())
    }

    /// What is to be written, by the node that has the post's hash, in its order: a slow node then
    /// delays only its own.
    pub(crate) fn by_node<'a, T>(
        &self,
        items: &'a [T],
        post: impl Fn(&T) -> &PostId,
    ) -> Vec<Vec<&'a T>> {
        let topology = self.topology();
        let mut groups: BTreeMap<Option<&str>, Vec<&T>> = BTreeMap::new();
        for item in items {
            let shard =
                topology.as_ref().and_then(|known| known.shard_of(self.keys.hash(post(item)).slot));
            groups.entry(shard.map(|shard| shard.master.as_str())).or_default().push(item);
        }
        groups.into_values().collect()
    }

    async fn merge_batch(&self, states: &[&PostState], failures: &mut Vec<Failure>) {
        let deadline = self.deadline();
        let job = |state: &&PostState| {
            let args = merge_args(state, &self.kinds);
            Job::call(Function::Merge, vec![self.keys.hash(&state.post)], args)
        };
        let jobs: Vec<_> = states.iter().map(job).collect();
        let answers = self.cluster.run(&jobs, Asks::Master, deadline).await;
        let mut rankings = Rankings::new();
        for (state, answer) in states.iter().zip(answers) {
            let held = answer.and_then(|reply| {
                let held = self.held(&state.post, &reply);
                held.ok_or_else(|| Failure::general(Cause::Unreadable))
            });
            match held {
                // Of several states of one post, the last answer is how the hash is now.
                Ok(held) => {
                    rankings.insert(state.post.clone(), Ranking::new(held));
                }
                Err(failure) => failures.push(failure),
            }
        }
        self.rank(rankings, deadline, failures).await;
    }

    /// See [`kudos_core::ports::LiveCounts::hide`].
    pub(crate) async fn set_hidden(
        &self,
        post: &PostId,
        hidden: bool,
        revision: u64,
    ) -> Result<(), PortError> {
        let deadline = self.deadline();
        let args = vec![u8::from(hidden).to_string(), revision.to_string()];
        let job = Job::call(Function::Hide, vec![self.keys.hash(post)], args);
        let reply = self.cluster.run_one(job, Asks::Master, deadline).await?;
        let Some(held) = self.held(post, &reply) else {
            return Ok(());
        };
        let mut failures = Vec::new();
        let rankings = Rankings::from([(post.clone(), Ranking::new(held))]);
        self.rank(rankings, deadline, &mut failures).await;
        summary(failures)
    }

    /// Writes ranks until they follow from what the hashes hold.
    pub(crate) async fn rank(
        &self,
        mut todo: Rankings,
        deadline: Deadline,
        failures: &mut Vec<Failure>,
    ) {
        for _ in 0..ROUNDS {
            if todo.is_empty() {
                return;
            }
            todo = self.rank_once(todo, deadline, failures).await;
        }
        failures.extend(todo.first_key_value().map(|_| Failure::general(Cause::Contended)));
    }

    /// Writes ranks once; answers with the posts whose hash has changed since it was read.
    async fn rank_once(
        &self,
        todo: Rankings,
        deadline: Deadline,
        failures: &mut Vec<Failure>,
    ) -> Rankings {
        let mut placing = Placing::new(&self.keys, self.clock.now());
        todo.values().enumerate().for_each(|(place, ranking)| placing.add(place, ranking));
        let (mut jobs, owners): (Vec<_>, Vec<_>) = placing.finish().into_iter().unzip();
        let checks: Vec<_> =
            todo.keys().map(|post| Job::command("HGETALL", &self.keys.hash(post), &[])).collect();
        // One server executes in the order sent, so that one round trip is enough.
        let (written, checked) = if self.cluster.settings().mode == Mode::Single {
            let ranks = jobs.len();
            jobs.extend(checks);
            let mut written = self.cluster.run(&jobs, Asks::Master, deadline).await;
            let checked = written.split_off(ranks);
            (written, checked)
        } else {
            let written = self.cluster.run(&jobs, Asks::Master, deadline).await;
            (written, self.cluster.run(&checks, Asks::Master, deadline).await)
        };
        let mut failed = vec![None; todo.len()];
        for (owners, answer) in owners.into_iter().zip(written) {
            let Err(failure) = answer else { continue };
            for owner in owners {
                failed[owner].get_or_insert_with(|| failure.clone());
            }
        }
        let mut changed = Rankings::new();
        let mut moved = Vec::new();
        for (((post, mut ranking), failed), check) in todo.into_iter().zip(failed).zip(checked) {
            let now = check.map(|reply| self.held(&post, &reply));
            match (failed, now) {
                (Some(failure), _) | (None, Err(failure)) => failures.push(failure),
                // Gone meanwhile: whoever needs it next loads it from the truth.
                (None, Ok(None)) => {}
                (None, Ok(Some(now))) if now.place() != ranking.held.place() => {
                    ranking.follow(now);
                    changed.insert(post, ranking);
                }
                (None, Ok(Some(now))) => {
                    if !now.moved_from.is_empty() && now.moved_from == ranking.held.moved_from {
                        let hash = vec![self.keys.hash(&post)];
                        moved.push(Job::call(Function::Moved, hash, vec![now.moved_from]));
                    }
                }
            }
        }
        if !moved.is_empty() {
            let noted = self.cluster.run(&moved, Asks::Master, deadline).await;
            failures.extend(noted.into_iter().filter_map(Result::err));
        }
        changed
    }
}
