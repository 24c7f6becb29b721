//! Sends each command to the node that serves its slot, and follows what nodes answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures::future::join_all;
use kudos_degraded::{Deadline, Reason};
use redis::{Cmd, Value};

use crate::cluster::Cluster;
use crate::failure::{Cause, Failure};
use crate::keys::Key;
use crate::library::{Form, Function};
use crate::node::Node;
use crate::verdict::{Verdict, verdict};

/// How often one command is sent in all.
const ATTEMPTS: u8 = 4;
/// How long a key may be on both sides of a migration before it is asked for again.
const MOMENT: Duration = Duration::from_millis(10);

/// A command, and the slot that it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    slot: u16,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Command(Cmd),
    Call { function: Function, keys: Vec<String>, args: Vec<String> },
}

impl Job {
    /// A command about one key.
    pub(crate) fn command(name: &str, key: &Key, args: &[&str]) -> Self {
        let mut cmd = redis::cmd(name);
        cmd.arg(&key.name).arg(args);
        Self { slot: key.slot, what: What::Command(cmd) }
    }

    /// A command about many members of one key.
    pub(crate) fn members(name: &str, key: &Key, args: &[String]) -> Self {
        let mut cmd = redis::cmd(name);
        cmd.arg(&key.name).arg(args);
        Self { slot: key.slot, what: What::Command(cmd) }
    }

    /// A command about the server that has a slot.
    pub(crate) fn of_server(slot: u16, cmd: Cmd) -> Self {
        Self { slot, what: What::Command(cmd) }
    }

    /// A call of a function about keys of one slot, that of the first.
    pub(crate) fn call(function: Function, keys: Vec<Key>, args: Vec<String>) -> Self {
        let slot = keys.first().map_or(0, |key| key.slot);
        let keys = keys.into_iter().map(|key| key.name).collect();
        Self { slot, what: What::Call { function, keys, args } }
    }

    fn cmd(&self, form: Form) -> Cmd {
        match &self.what {
            What::Command(cmd) => cmd.clone(),
            What::Call { function, keys, args } => function.command(form, keys, args),
        }
    }
}

/// Whether a replica may answer, if the settings allow that at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// The master, for what has to be new or is written.
    Master,
    /// Any, for what may be stale.
    Any,
}

type Answer = Result<Value, Failure>;

/// Commands of one node that are sent in one go.
struct Batch {
    node: Arc<Node>,
    jobs: Vec<usize>,
    /// Before each command ASKING is said: its slot is on its way to this node.
    asking: bool,
    /// How functions are called, if not as the node is known to want it.
    form: Option<Form>,
    attempt: u8,
}

impl Cluster {
    /// Sends every command, those of one node together in their order, nodes side by side, and
    /// answers each. A slow node delays only its own.
    pub(crate) async fn run(&self, jobs: &[Job], asks: Asks, deadline: Deadline) -> Vec<Answer> {
        let mut answers: Vec<Option<Answer>> = vec![None; jobs.len()];
        match self.topology(deadline).await {
            Err(failure) => answers.fill(Some(Err(failure))),
            Ok(topology) => {
                let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
                for (place, job) in jobs.iter().enumerate() {
                    match topology.shard_of(job.slot) {
                        Some(shard) => groups.entry(&shard.master).or_default().push(place),
                        None => answers[place] = Some(Err(self.unserved(job.slot))),
                    }
                }
                let groups = groups.into_values().filter_map(|places| {
                    let shard = topology.shard_of(jobs[*places.first()?].slot)?;
                    Some(self.run_group(
                        jobs,
                        places,
                        self.candidates(shard, asks == Asks::Any),
                        deadline,
                    ))
                });
                for (place, answer) in join_all(groups).await.into_iter().flatten() {
                    answers[place] = Some(answer);
                }
            }
        }
        let missing = || Err(Failure::general(Cause::Unreadable));
        answers.into_iter().map(|answer| answer.unwrap_or_else(missing)).collect()
    }

    /// One command and its answer.
    pub(crate) async fn run_one(&self, job: Job, asks: Asks, deadline: Deadline) -> Answer {
        let answers = self.run(&[job], asks, deadline).await;
        answers.into_iter().next().unwrap_or(Err(Failure::general(Cause::Unreadable)))
    }

    fn unserved(&self, slot: u16) -> Failure {
        self.shared.refresh.notify_one();
        Failure::general(Cause::Unserved(slot))
    }

    async fn run_group(
        &self,
        jobs: &[Job],
        places: Vec<usize>,
        candidates: Vec<Arc<Node>>,
        deadline: Deadline,
    ) -> Vec<(usize, Answer)> {
        let mut candidates = candidates.into_iter();
        let Some(node) = candidates.next() else {
            return Vec::new();
        };
        let mut answers = Vec::with_capacity(places.len());
        let mut todo = vec![Batch { node, jobs: places, asking: false, form: None, attempt: 1 }];
        while let Some(batch) = todo.pop() {
            match self.send_batch(jobs, &batch, deadline).await {
                Ok(replies) => {
                    let sorted = sort_out(&batch, replies, &mut answers);
                    self.follow(jobs, &batch, sorted, deadline, &mut todo, &mut answers).await;
                }
                // A server that was restarted has closed the connection; every command is
                // harmless twice.
                Err(Failure { cause: Cause::Lost(_), .. }) if batch.attempt == 1 => {
                    todo.push(Batch { attempt: 2, ..batch });
                }
                Err(failure) => match candidates.next() {
                    Some(node) => {
                        self.observer.fallback_taken("redis", "first_node", failure.reason());
                        todo.push(Batch { node, attempt: batch.attempt + 1, ..batch });
                    }
                    None => give_up(&batch.jobs, &failure, &mut answers),
                },
            }
        }
        answers
    }

    async fn send_batch(
        &self,
        jobs: &[Job],
        batch: &Batch,
        deadline: Deadline,
    ) -> Result<Vec<Value>, Failure> {
        let known = match batch.node.lacks_library.load(Relaxed) {
            true => Form::Digest,
            false => Form::Function,
        };
        let form = batch.form.unwrap_or(known);
        let mut pipeline = redis::Pipeline::with_capacity(batch.jobs.len());
        for &place in &batch.jobs {
            if batch.asking {
                pipeline.cmd("ASKING");
            }
            pipeline.add_command(jobs[place].cmd(form));
        }
        let replies = batch.node.send(&pipeline, deadline).await?;
        let step = if batch.asking { 2 } else { 1 };
        Ok(replies.into_iter().skip(step - 1).step_by(step).collect())
    }

    /// Makes new batches of the commands that have to be sent again.
    async fn follow(
        &self,
        jobs: &[Job],
        batch: &Batch,
        sorted: Sorted,
        deadline: Deadline,
        todo: &mut Vec<Batch>,
        answers: &mut Vec<(usize, Answer)>,
    ) {
        let attempt = batch.attempt + 1;
        let again = |node: Arc<Node>, jobs: Vec<usize>| Batch {
            node,
            jobs,
            asking: false,
            form: None,
            attempt,
        };
        if !sorted.moved.is_empty() || sorted.down {
            self.shared.refresh.notify_one();
        }
        for (address, places) in sorted.moved {
            todo.push(again(self.node(&address, false), places));
        }
        for (address, places) in sorted.ask {
            let batch = again(self.node(&address, false), places);
            todo.push(Batch { asking: true, ..batch });
        }
        let same = |places: Vec<usize>, form: Option<Form>| {
            let batch_again = again(Arc::clone(&batch.node), places);
            Batch { form, asking: batch.asking, ..batch_again }
        };
        if !sorted.no_function.is_empty() {
            self.without_library(&batch.node);
            todo.push(same(sorted.no_function, Some(Form::Digest)));
        }
        if !sorted.no_script.is_empty() {
            todo.push(same(sorted.no_script, Some(Form::Text)));
        }
        if !sorted.again.is_empty() {
            tokio::time::sleep(MOMENT).await;
            todo.push(same(sorted.again, batch.form));
        }
        if !sorted.elsewhere.is_empty() {
            self.look_again(deadline).await;
            for (place, cause) in sorted.elsewhere {
                match self.known().and_then(|known| known.shard_of(jobs[place].slot).cloned()) {
                    Some(shard) if *shard.master != *batch.node.name => {
                        todo.push(again(self.node(&shard.master, false), vec![place]));
                    }
                    _ => answers.push((place, Err(batch.node.failure(cause)))),
                }
            }
        }
    }

    fn without_library(&self, node: &Node) {
        self.observer.fallback_taken("redis", "library", Reason::Error);
        if !node.lacks_library.swap(true, Relaxed) {
            tracing::warn!(
                node = &*node.name,
                "redis: the function library is missing, so it is sent as a script: run the migration"
            );
        }
    }
}

/// The commands of a batch that have to be sent again, by what their answers asked for.
#[derive(Default)]
struct Sorted {
    moved: BTreeMap<String, Vec<usize>>,
    ask: BTreeMap<String, Vec<usize>>,
    again: Vec<usize>,
    elsewhere: Vec<(usize, Cause)>,
    no_function: Vec<usize>,
    no_script: Vec<usize>,
    down: bool,
}

/// Tells answers from commands that have to be sent again.
fn sort_out(batch: &Batch, replies: Vec<Value>, answers: &mut Vec<(usize, Answer)>) -> Sorted {
    let mut sorted = Sorted::default();
    for (&place, reply) in batch.jobs.iter().zip(replies) {
        let Some(verdict) = verdict(&reply) else {
            answers.push((place, Ok(reply)));
            continue;
        };
        match verdict {
            Verdict::Down(cause) => {
                sorted.down = true;
                answers.push((place, Err(batch.node.failure(cause))));
            }
            Verdict::GiveUp(cause) => answers.push((place, Err(batch.node.failure(cause)))),
            other if batch.attempt >= ATTEMPTS => {
                let cause = Cause::Refused(format!("{other:?} after {ATTEMPTS} attempts"));
                answers.push((place, Err(batch.node.failure(cause))));
            }
            Verdict::Moved(to) => sorted.moved.entry(to).or_default().push(place),
            Verdict::Ask(to) => sorted.ask.entry(to).or_default().push(place),
            Verdict::Again => sorted.again.push(place),
            Verdict::Elsewhere(cause) => sorted.elsewhere.push((place, cause)),
            Verdict::NoFunction => sorted.no_function.push(place),
            Verdict::NoScript => sorted.no_script.push(place),
        }
    }
    sorted
}

fn give_up(places: &[usize], failure: &Failure, answers: &mut Vec<(usize, Answer)>) {
    answers.extend(places.iter().map(|&place| (place, Err(failure.clone()))));
}
