//! Full-text search over the posts of the store.
//!
//! The index holds texts and creation times only. Counts come from the board at the moment of
//! the search, so the popular order is always that of the live counts. The posts come from the
//! store: a thread follows its outbox, commits at most a few times a second, and builds the
//! index anew if it is missing, damaged or not of this store. The index is therefore never worth
//! a backup, and no failure of it fails a write.

mod best;
mod cursor;
mod engine;
mod fault;
mod indexer;
mod schema;
mod segment;
mod snapshot;
mod state;
mod words;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{IndexHit, IndexQuery, PostIndex};
use kudos_core::{PortError, Post, PostId};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::options::OpenError;
use crate::store::Store;
use fault::Fault;
use indexer::{Indexer, Request};
pub use state::Lag;
use state::State;

/// Requests to the indexer that may wait.
const QUEUE: usize = 256;
/// Searches that may wait for those that run.
const WAITING_SEARCHES: usize = 256;

/// The embedded text index.
///
/// It follows the store by itself; [`put`](Self::put) and [`remove`](Self::remove) are
/// for posts that the store does not have, and such posts are gone when the index is rebuilt.
/// [`refresh`](PostIndex::refresh) waits for all that the store holds to be searchable. Dropping
/// the index stops its thread; nothing is lost, because the outbox remembers.
pub struct TextIndex {
    store: Arc<Store>,
    state: Arc<State>,
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    /// Searches in the queue or running.
    admitted: Semaphore,
    /// Searches running: they keep a processor busy each.
    running: Arc<Semaphore>,
}

impl TextIndex {
    /// Opens the index in the folder `path`, and begins to follow the store.
    ///
    /// An index that cannot be opened is no reason not to start: it is tried again, and
    /// [`lag`](Self::lag) tells. The error is that of a thread that does not start.
    pub(crate) fn open(path: &Path, store: &Arc<Store>) -> Result<Self, OpenError> {
        let state = Arc::new(State::default());
        let (requests, receiver) = mpsc::channel(QUEUE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let mut indexer = Indexer {
            path: path.to_owned(),
            store: Arc::clone(store),
            state: Arc::clone(&state),
            requests: receiver,
            runtime: runtime.map_err(OpenError::Thread)?,
            engine: None,
        };
        state.begin();
        if let Err(fault) = indexer.open() {
            state.fail(&fault.into());
        }
        let thread = std::thread::Builder::new().name("indexer".into());
        let thread = thread.spawn(move || indexer.run()).map_err(OpenError::Thread)?;
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            store: Arc::clone(store),
            state,
            requests: Some(requests),
            thread: Some(thread),
            admitted: Semaphore::new(processors + WAITING_SEARCHES),
            running: Arc::new(Semaphore::new(processors)),
        })
    }

    /// How far the index is behind the store.
    pub fn lag(&self) -> Lag {
        self.state.lag(self.store.outbox_end())
    }

    /// Whether the index holds the post, as of its last commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] while the index is not open.
    pub fn contains(&self, post: &PostId) -> Result<bool, PortError> {
        let closed = || PortError::Unavailable("the text index is not open yet".into());
        Ok(self.state.snapshot().ok_or_else(closed)?.contains(post)?)
    }

    /// Adds posts, or replaces them whole.
    ///
    /// # Errors
    /// Those of the indexer.
    pub async fn put(&self, posts: &[Post]) -> Result<(), PortError> {
        self.request(posts, &[]).await
    }

    /// Takes posts out.
    ///
    /// # Errors
    /// Those of the indexer.
    pub async fn remove(&self, posts: &[PostId]) -> Result<(), PortError> {
        self.request(&[], posts).await
    }

    /// Has the indexer take posts in and out and catch up with the store, and waits for it.
    async fn request(&self, put: &[Post], remove: &[PostId]) -> Result<(), PortError> {
        let (done, answer) = oneshot::channel();
        let request = Request { put: put.to_vec(), remove: remove.to_vec(), done };
        let requests = self.requests.as_ref().ok_or_else(ended)?;
        requests.send(request).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

fn ended() -> PortError {
    PortError::Unavailable("the indexer has ended".into())
}

#[async_trait]
impl PostIndex for TextIndex {
    async fn refresh(&self) -> Result<(), PortError> {
        self.request(&[], &[]).await
    }

    async fn search(&self, query: &IndexQuery) -> Result<Vec<IndexHit>, PortError> {
        let busy = |_| PortError::Busy { retry_after: Duration::from_millis(100) };
        let _admitted = self.admitted.try_acquire().map_err(busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| ended())?;
        let closed = || PortError::Unavailable("the text index is not open yet".into());
        let snapshot = self.state.snapshot().ok_or_else(closed)?;
        let query = query.clone();
        let search = tokio::task::spawn_blocking(move || {
            // Held here, because a caller may go away while the search runs.
            let _running = running;
            snapshot.search(&query)
        });
        let failed = |error| Fault::Port(PortError::Unavailable(format!("text search: {error}")));
        Ok(search.await.map_err(failed)??)
    }
}

impl Drop for TextIndex {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so; there is nothing left to wait for.
            let _ = thread.join();
        }
    }
}
