//! Group commit: one thread takes whatever queued while the last commit was on its way to disk,
//! and commits it as one batch with one fsync.

use std::sync::Arc;

use kudos_core::ports::Upserted;
use kudos_core::{
    Applied, ApplyError, Clock, Operation, PortError, Post, PostId, PostState, Version,
};
use tokio::sync::{mpsc, oneshot, watch};

use super::ahead::{Read, Written};
use super::engine::{Engine, StoreFault};
use super::reads::{self, Ends};
use super::staging::{Committed, Staging};
use crate::board::{Board, Ranker};

/// The most commands in a batch: enough for one fsync to cost little each, few enough for a
/// batch to take milliseconds.
const MAX_BATCH: usize = 512;

/// How often the committer gives way before it closes a batch. Measured over HTTP on two busy cores:
/// with 3 yields batches of 85 to 93 likes instead of 14 to 43, with 4 the least CPU a like.
const YIELDS: usize = 4;

type Reply<T, E> = oneshot::Sender<Result<T, E>>;

/// Something to commit, with the row that the caller read for it, and where to send its answer.
pub(crate) enum Command {
    React(Operation, Option<Read>, Reply<Applied, ApplyError>),
    Import(Operation, Option<Read>, Reply<Option<Applied>, ApplyError>),
    Upsert(Post, Reply<Upserted, PortError>),
    Hide(PostId, Reply<bool, PortError>),
}

/// An answer that is sent once its batch is durable.
enum Pending {
    React(Result<Applied, ApplyError>, Reply<Applied, ApplyError>),
    Import(Result<Option<Applied>, ApplyError>, Reply<Option<Applied>, ApplyError>),
    Upsert(Result<Upserted, PortError>, Reply<Upserted, PortError>),
    Hide(bool, Reply<bool, PortError>),
}

pub(crate) struct Committer {
    pub(crate) engine: Arc<Engine>,
    pub(crate) board: Arc<Board>,
    pub(crate) ranker: Ranker,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ends: watch::Sender<Ends>,
    pub(crate) written: Written,
    /// Posts of a commit that failed: their durable state is unknown until the recovery.
    pub(crate) in_doubt: Vec<PostId>,
    pub(crate) failed: bool,
}

impl Committer {
    /// Commits until every sender of commands is gone.
    pub(crate) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while commands.blocking_recv_many(&mut batch, MAX_BATCH) > 0 {
            // With no core free, those who are about to send do so first and share the fsync.
            // With a free one this returns at once.
            if batch.len() < MAX_BATCH {
                (0..YIELDS).for_each(|_| std::thread::yield_now());
            }
            while batch.len() < MAX_BATCH
                && let Ok(command) = commands.try_recv()
            {
                batch.push(command);
            }
            match self.ready() {
                Ok(()) => {
                    // As staging wants them. What one user sent to one post keeps its order.
                    batch.sort_by(|a, b| a.place().cmp(&b.place()));
                    self.commit(batch.drain(..));
                }
                Err(error) => batch.drain(..).for_each(|command| command.refuse(&error)),
            }
        }
    }

    /// Recovers from an earlier failure, and keeps clear of a full disk.
    fn ready(&mut self) -> Result<(), PortError> {
        if self.engine.space_is_low() {
            return Err(PortError::NoSpace);
        }
        if self.failed {
            self.engine.reopen()?;
            self.adopt_recovered()?;
            self.failed = false;
            tracing::info!("the store accepts writes again");
        }
        Ok(())
    }

    /// Takes over what the recovery found of the commit that failed.
    fn adopt_recovered(&mut self) -> Result<(), PortError> {
        let ends = self.engine.with(reads::ends)?;
        for post in std::mem::take(&mut self.in_doubt) {
            let head = self.engine.with(|db| reads::head(db, &post))?;
            if let Some(head) = head {
                let state = head.state(post.clone());
                let introduced = PostState { version: Version(0), ..state.clone() };
                self.board.merge_all([&introduced, &state]);
                self.board.set_hidden(&post, head.hidden);
            }
        }
        self.ends.send_replace(ends);
        Ok(())
    }

    fn commit(&mut self, commands: impl ExactSizeIterator<Item = Command>) {
        let (engine, board) = (Arc::clone(&self.engine), Arc::clone(&self.board));
        let Ends { log, outbox } = *self.ends.borrow();
        let (mut answers, mut doubt) = (Vec::new(), Vec::new());
        let committed = engine.with(|db| {
            let (now, count) = (self.clock.now(), commands.len());
            let mut staging = Staging::new(db, &board, &mut self.written, now, count);
            answers = commands.map(|command| command.stage(&mut staging)).collect();
            fail::fail_point!("commit::before", |_| std::process::abort());
            let committed = staging.commit(log, outbox);
            let committed = committed.inspect_err(|_| doubt = staging.posts())?;
            fail::fail_point!("commit::after", |_| std::process::abort());
            Ok(committed)
        });
        match committed {
            Ok(committed) => {
                self.written.committed();
                self.publish(committed);
                fail::fail_point!("commit::before_answer", |_| std::process::abort());
                answers.into_iter().for_each(Pending::send);
            }
            Err(error) => {
                tracing::error!(%error, "a commit failed; the store will be recovered");
                (self.failed, self.in_doubt) = (true, doubt);
                answers.into_iter().for_each(|answer| answer.fail(&error));
            }
        }
    }

    fn publish(&self, committed: Committed) {
        for (state, hidden) in &committed.moved {
            self.board.merge_all([state]);
            self.board.set_hidden(&state.post, *hidden);
        }
        self.board.merge_all(&committed.states);
        self.ranker.nudge();
        let new = Ends { log: committed.last_log, outbox: committed.last_outbox };
        self.ends.send_if_modified(|ends| std::mem::replace(ends, new) != new);
    }
}

impl Command {
    /// Where its records are: the order of keys.
    fn place(&self) -> (&str, &str) {
        match self {
            Self::React(op, ..) | Self::Import(op, ..) => (op.post.as_str(), op.user.as_str()),
            Self::Upsert(post, _) => (post.id.as_str(), ""),
            Self::Hide(post, _) => (post.as_str(), ""),
        }
    }

    fn stage(self, staging: &mut Staging<'_>) -> Pending {
        match self {
            Self::React(op, read, reply) => {
                let staged = staging.react(op, read);
                Pending::React(staged.unwrap_or_else(|fault| Err(damage(fault).into())), reply)
            }
            Self::Import(op, read, reply) => {
                let staged = staging.import(op, read);
                Pending::Import(staged.unwrap_or_else(|fault| Err(damage(fault).into())), reply)
            }
            Self::Upsert(post, reply) => {
                Pending::Upsert(staging.upsert(&post).map_err(damage), reply)
            }
            Self::Hide(post, reply) => Pending::Hide(staging.hide(&post), reply),
        }
    }

    fn refuse(self, error: &PortError) {
        match self {
            Self::React(.., reply) => drop(reply.send(Err(error.clone().into()))),
            Self::Import(.., reply) => drop(reply.send(Err(error.clone().into()))),
            Self::Upsert(_, reply) => drop(reply.send(Err(error.clone()))),
            Self::Hide(_, reply) => drop(reply.send(Err(error.clone()))),
        }
    }
}

impl Pending {
    /// A caller that has gone away does not want its answer.
    fn send(self) {
        match self {
            Self::React(answer, reply) => drop(reply.send(answer)),
            Self::Import(answer, reply) => drop(reply.send(answer)),
            Self::Upsert(answer, reply) => drop(reply.send(answer)),
            Self::Hide(answer, reply) => drop(reply.send(Ok(answer))),
        }
    }

    fn fail(self, error: &PortError) {
        match self {
            Self::React(_, reply) => drop(reply.send(Err(error.clone().into()))),
            Self::Import(_, reply) => drop(reply.send(Err(error.clone().into()))),
            Self::Upsert(_, reply) => drop(reply.send(Err(error.clone()))),
            Self::Hide(_, reply) => drop(reply.send(Err(error.clone()))),
        }
    }
}

/// A command whose record cannot be read fails alone; the batch goes on.
fn damage(fault: StoreFault) -> PortError {
    let error = match fault {
        StoreFault::Engine(error) => PortError::Unavailable(format!("storage engine: {error}")),
        StoreFault::Damaged(what) => PortError::Corrupt(what),
    };
    tracing::error!(%error, "a record cannot be read");
    error
}
