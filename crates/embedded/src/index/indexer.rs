//! The thread that follows the store: it reads the outbox, commits documents together with its
//! place, and trims the outbox. Whatever stops it, it goes on from the last commit.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::PostStore;
use kudos_core::{PortError, Post, PostId};
use tantivy::Searcher;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::cursor::Cursor;
use super::engine::{self, Engine};
use super::fault::Fault;
use super::snapshot::Snapshot;
use super::state::State;
use crate::store::Store;

/// The least time between two commits that nobody waits for: a commit is several fsyncs.
const PACE: Duration = Duration::from_millis(200);
/// The longest wait before what failed is tried again.
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// Posts read from the store at a time.
const PAGE: usize = 256;
/// Revisions of the outbox in a commit.
const MAX_REVISIONS: u64 = 1024;
/// When a commit of a rebuild is large enough: posts, and bytes of their text.
const SCAN_POSTS: usize = 4096;
const SCAN_BYTES: usize = 16 << 20;
/// Requests that are answered by one commit.
const MAX_REQUESTS: usize = 64;

/// Somebody waits for the index to have all of this, and all of the outbox.
pub(super) struct Request {
    pub(super) put: Vec<Post>,
    pub(super) remove: Vec<PostId>,
    pub(super) done: oneshot::Sender<Result<(), PortError>>,
}

pub(super) struct Indexer {
    pub(super) path: PathBuf,
    pub(super) store: Arc<Store>,
    pub(super) state: Arc<State>,
    /// Closed when the index is dropped: then the thread ends.
    pub(super) requests: mpsc::Receiver<Request>,
    /// Only to wait on.
    pub(super) runtime: Runtime,
    pub(super) engine: Option<Engine>,
}

impl Indexer {
    /// Opens what is on disk, so that it can be searched before the thread runs.
    pub(super) fn open(&mut self) -> Result<(), Fault> {
        self.heal(Self::open_engine)
    }

    fn open_engine(&mut self) -> Result<(), Fault> {
        let engine = Engine::open(&self.path, self.store.outbox_end())?;
        self.publish(engine.searcher(), &engine)?;
        self.engine = Some(engine);
        Ok(())
    }

    /// Does some work; once more on a new index, if this one is damaged.
    fn heal(&mut self, work: impl Fn(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        match work(self) {
            Err(Fault::Damaged(what)) => {
                tracing::warn!(what, "the text index is built anew from the posts");
                self.engine = None;
                engine::wipe(&self.path)?;
                work(self)
            }
            done => done,
        }
    }

    /// Follows the store until the index is dropped.
    pub(super) fn run(mut self) {
        let (mut due, mut failures) = (Instant::now(), 0_u32);
        while let Some(requests) = self.wait(due) {
            self.state.begin();
            let caught_up = self.catch_up(&requests).map_err(PortError::from);
            match &caught_up {
                Ok(()) => {
                    self.state.arrive();
                    (failures, due) = (0, Instant::now() + PACE);
                }
                Err(error) => {
                    self.state.fail(error);
                    let backoff = PACE.saturating_mul(1 << failures.min(8)).min(MAX_BACKOFF);
                    (failures, due) = (failures + 1, Instant::now() + backoff);
                }
            }
            for request in requests {
                // Whoever stopped waiting does not want the answer.
                let _ = request.done.send(caught_up.clone());
            }
        }
    }

    /// Returns when there is something to do: for those who wait at once, else not before `due`.
    /// None when the index is dropped.
    fn wait(&mut self, due: Instant) -> Option<Vec<Request>> {
        let Self { store, state, requests, runtime, .. } = self;
        let work = async {
            sleep_until(due).await;
            // A store that closes has nothing more to follow.
            if !state.is_behind() && !store.outbox_grown(state.indexed()).await {
                std::future::pending::<()>().await;
            }
        };
        runtime.block_on(async {
            let mut asked = Vec::new();
            tokio::select! {
                biased;
                count = requests.recv_many(&mut asked, MAX_REQUESTS) => (count > 0).then_some(asked),
                () = work => Some(Vec::new()),
            }
        })
    }

    /// Brings the index to where the store is now. A panic is a failure like others: whatever
    /// failed left nothing staged, and the next try opens the index again.
    fn catch_up(&mut self, requests: &[Request]) -> Result<(), Fault> {
        self.heal(|indexer| {
            let advanced = catch_unwind(AssertUnwindSafe(|| indexer.advance(requests)));
            let panicked = |_| PortError::Unavailable("the text index panicked".into());
            advanced.map_err(panicked)?
        })
    }

    fn advance(&mut self, requests: &[Request]) -> Result<(), Fault> {
        if self.engine.is_none() {
            self.open_engine()?;
        }
        // Taken: if anything fails it is dropped with what it has staged, and opened again.
        let Some(mut engine) = self.engine.take() else {
            return Ok(());
        };
        for request in requests {
            request.put.iter().try_for_each(|post| engine.put(post))?;
            request.remove.iter().for_each(|post| engine.remove(post));
        }
        let end = self.store.outbox_end();
        loop {
            let before = engine.cursor.clone();
            self.stage(&mut engine, end)?;
            if engine.cursor != before || engine.staged().posts > 0 {
                // The index must not take what the store keeps in reserve.
                if !self.store.is_writable() {
                    return Err(PortError::NoSpace.into());
                }
                let searcher = engine.commit()?;
                self.publish(searcher, &engine)?;
            }
            match engine.cursor {
                Cursor::Following(at) => {
                    self.store.trim_outbox(at)?;
                    if at >= end {
                        break;
                    }
                }
                Cursor::Scanning { .. } => {}
            }
            if self.requests.is_closed() {
                break;
            }
        }
        self.engine = Some(engine);
        Ok(())
    }

    fn publish(&self, searcher: Searcher, engine: &Engine) -> Result<(), Fault> {
        let earlier = self.state.snapshot();
        let board = Arc::clone(self.store.board());
        let snapshot = Snapshot::new(searcher, engine.fields, board, earlier.as_deref())?;
        let rebuilding = matches!(engine.cursor, Cursor::Scanning { .. });
        self.state.publish(snapshot, engine.cursor.revision(), rebuilding);
        Ok(())
    }

    /// Stages what fits into one commit and moves the cursor behind it.
    fn stage(&self, engine: &mut Engine, end: u64) -> Result<(), Fault> {
        match engine.cursor.clone() {
            Cursor::Scanning { from, after } => self.scan(engine, from, after),
            Cursor::Following(at) if at < end => self.follow(engine, at, end),
            Cursor::Following(_) => Ok(()),
        }
    }

    fn scan(&self, engine: &mut Engine, from: u64, after: Option<PostId>) -> Result<(), Fault> {
        let mut after = after;
        while engine.staged().posts < SCAN_POSTS && engine.staged().bytes < SCAN_BYTES {
            let (posts, next) = self.store.scan_posts(after.as_ref(), PAGE)?;
            posts.iter().try_for_each(|post| engine.put(post))?;
            if next.is_none() {
                engine.cursor = Cursor::Following(from);
                return Ok(());
            }
            after = next;
        }
        engine.cursor = Cursor::Scanning { from, after };
        Ok(())
    }

    fn follow(&self, engine: &mut Engine, at: u64, end: u64) -> Result<(), Fault> {
        let limit = (end - at).min(MAX_REVISIONS);
        let (changed, last) = self.store.outbox_after(at, limit as usize)?;
        // Revisions have no gaps, unless others were trimmed than this index has seen.
        if last != at + limit || changed.len() as u64 != limit {
            return Err(Fault::Damaged(format!("the outbox does not reach back to {at}")));
        }
        let distinct: HashSet<PostId> = changed.into_iter().collect();
        let distinct: Vec<PostId> = distinct.into_iter().collect();
        for page in distinct.chunks(PAGE) {
            let posts = self.runtime.block_on(self.store.get(page))?;
            for (id, post) in page.iter().zip(posts) {
                match post {
                    Some(post) => engine.put(&post)?,
                    None => engine.remove(id),
                }
            }
        }
        engine.cursor = Cursor::Following(last);
        Ok(())
    }
}
