//! The durable store: reactions, posts and the event log in one embedded database.

mod ahead;
mod audit;
mod committer;
mod copy;
mod engine;
mod feed;
mod mend;
mod ports;
mod reads;
mod scan;
mod schema;
mod staging;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use kudos_core::{Clock, Kinds, PortError};
use tokio::sync::{mpsc, watch};

use crate::board::{Board, Ranker};
use crate::options::{OpenError, Options};
use ahead::{Commits, Written};
pub use audit::{Audit, Difference, Recount, Side};
use committer::{Command, Committer};
use engine::Engine;
use reads::Ends;

/// The embedded truth. All writes pass through one committer thread; reads see only what is
/// durable.
pub struct Store {
    engine: Arc<Engine>,
    board: Arc<Board>,
    commits: Commits,
    commands: Option<mpsc::Sender<Command>>,
    ends: watch::Receiver<Ends>,
    committer: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens the store in `path`, recovers it if it was killed, and reads every post's state into
    /// the board.
    pub(crate) fn open(
        path: &Path,
        options: &Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let engine = Arc::new(Engine::open(path, options)?);
        check_kinds(&engine, &options.kinds)?;
        let board = Arc::new(read_board(&engine, options.kinds.len(), Arc::clone(&clock))?);
        let ends = engine.with(reads::ends)?;
        let (sender, receiver) = mpsc::channel(options.queue);
        let commits = Commits::default();
        let (ends_sender, ends) = watch::channel(ends);
        let committer = Committer {
            engine: Arc::clone(&engine),
            board: Arc::clone(&board),
            ranker: Ranker::start(&board).map_err(OpenError::Thread)?,
            clock,
            ends: ends_sender,
            written: Written::new(commits.clone()),
            in_doubt: Vec::new(),
            failed: false,
        };
        let thread = std::thread::Builder::new().name("committer".into());
        let committer = thread.spawn(move || committer.run(receiver)).map_err(OpenError::Thread)?;
        Ok(Self {
            engine,
            board,
            commits,
            commands: Some(sender),
            ends,
            committer: Some(committer),
        })
    }

    /// Counts and ranks, as of the last durable commit.
    pub(crate) fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// A board of what is durable now, made as a start makes its own.
    ///
    /// # Errors
    /// [`PortError`] if a count cannot be read.
    pub fn load_board(&self, clock: Arc<dyn Clock>) -> Result<Board, PortError> {
        read_board(&self.engine, self.engine.options().kinds.len(), clock)
    }

    /// Whether there is room to write. Reads do not need any.
    pub fn is_writable(&self) -> bool {
        !self.engine.space_is_low()
    }
}

impl Drop for Store {
    /// What was accepted is committed before the store closes.
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(committer) = self.committer.take() {
            // A committer that panicked has said so; there is nothing left to wait for.
            let _ = committer.join();
        }
    }
}

fn check_kinds(engine: &Engine, configured: &Kinds) -> Result<(), OpenError> {
    let stored = engine.with(|db| {
        let bytes = db.meta.get("kinds")?;
        bytes.map(|bytes| schema::decode::<Kinds>("kinds", &bytes)).transpose()
    })?;
    match stored {
        Some(stored) if !configured.extends(&stored) => {
            Err(OpenError::Kinds { stored: stored.into(), configured: configured.clone().into() })
        }
        Some(stored) if stored == *configured => Ok(()),
        _ => Ok(engine.with(|db| {
            let mut batch = db.durable_batch(1);
            batch.insert(&db.meta, "kinds", schema::Scratch::default().encode(configured)?);
            Ok(batch.commit()?)
        })?),
    }
}

fn read_board(engine: &Engine, kinds: usize, clock: Arc<dyn Clock>) -> Result<Board, PortError> {
    engine.with(|db| {
        // A start that would lose counts silently must not happen: a damaged head ends it.
        let mut fault = None;
        let read = |head| reads::read_head(head).map_err(|found| fault = Some(found)).ok();
        let board = Board::load(kinds, clock, reads::about_how_many(db), reads::heads(db), read);
        fault.map_or(Ok(board), Err)
    })
}
