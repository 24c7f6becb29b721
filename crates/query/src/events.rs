//! Live counts: one reader of the event log for the whole process, and any number of clients.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{EventLog, LogError, LogPage, Position};
use kudos_core::{Change, Kinds, PostId, PostState};
use kudos_http::answer::Tally;
use kudos_http::sse::{EventSender, Frame, StreamEnded};
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::follow::Follower;
use crate::settings::QuerySettings;

/// Changes that are read from the log in one step.
const STEP: usize = 2_000;
/// The most changes that a returning client is sent one after the other; one that missed more
/// is told to read the counts anew.
const MAX_CATCH_UP: usize = 20_000;
/// Batches that a slow client may lag behind before it is told to read anew.
const BACKLOG: usize = 64;
/// How long to wait after the log could not be read.
const RETRY: Duration = Duration::from_secs(1);

/// Part of the log, each post's last state in it, written once for all clients.
struct Batch {
    /// Resuming here delivers the batch again: the id of all but its last event.
    from: Position,
    to: Position,
    counts: Vec<(PostId, String)>,
}

/// What all clients are sent.
enum News {
    Counts(Batch),
    /// Something was missed: counts are to be read anew, and what follows continues from here.
    Reset(Position),
}

/// Sends what the log tells to every client that listens.
pub struct EventHub {
    log: Arc<dyn EventLog>,
    kinds: Arc<Kinds>,
    pace: Duration,
    followers: Vec<Arc<dyn Follower>>,
    news: broadcast::Sender<Arc<News>>,
}

/// A place in the stream of all events.
pub struct Subscription(broadcast::Receiver<Arc<News>>);

/// The data of a `counts` event.
#[derive(Serialize)]
struct Summary<'a> {
    post: &'a PostId,
    counts: Tally<'a>,
    total: u64,
    version: u64,
}

impl EventHub {
    /// A hub that is idle until [`run`](Self::run). Followers are told of every change, also
    /// while no client listens.
    pub fn new(
        log: Arc<dyn EventLog>,
        kinds: Arc<Kinds>,
        settings: &QuerySettings,
        followers: Vec<Arc<dyn Follower>>,
    ) -> Self {
        let pace = settings.events();
        Self { log, kinds, pace, followers, news: broadcast::Sender::new(BACKLOG) }
    }

    /// Reads the log from its head on, at most once per pace, until the future is dropped.
    pub async fn run(&self) {
        let mut at = None;
        loop {
            let outcome = match &at {
                None => self.start().await,
                Some(at) => self.step(at).await,
            };
            match outcome {
                Ok(next) => at = Some(next),
                Err(LogError::Gone) => at = None,
                // Read again from the same place: nothing is passed over.
                Err(LogError::Port(error)) => {
                    tracing::warn!(%error, "live events wait for the log");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Begins at the head. Who listens already may have missed what came before, and is told so
    /// only now: counts read before the head was known could be older than it.
    async fn start(&self) -> Result<Position, LogError> {
        let head = self.log.head().await?;
        self.followers.iter().for_each(|follower| follower.missed());
        self.tell(News::Reset(head.clone()));
        Ok(head)
    }

    async fn step(&self, from: &Position) -> Result<Position, LogError> {
        self.log.grown(from).await?;
        tokio::time::sleep(self.pace).await;
        // Asked for before looking who listens: whoever comes later starts behind this head.
        let head = self.log.head().await?;
        let listened_to = self.news.receiver_count() > 0;
        if !listened_to && self.followers.is_empty() {
            return Ok(head);
        }
        let LogPage { changes, next } = self.log.read(from, STEP).await?;
        self.followers.iter().for_each(|follower| follower.changed(&changes));
        if !listened_to {
            return Ok(next);
        }
        let counts = self.summaries(changes);
        self.tell(News::Counts(Batch { from: from.clone(), to: next.clone(), counts }));
        Ok(next)
    }

    fn tell(&self, news: News) {
        // Without a receiver there is nobody to miss it.
        let _ = self.news.send(Arc::new(news));
    }

    /// What comes from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.news.subscribe())
    }

    /// Feeds one client until it or the process goes away: what it missed since `after`, then
    /// what comes. With `posts`, only events of these.
    ///
    /// Subscribe before the client is told that its stream has begun, and so before catching up:
    /// what comes twice is harmless, a gap would not be.
    pub async fn feed(
        &self,
        Subscription(mut news): Subscription,
        client: &EventSender,
        after: Option<Position>,
        posts: Option<HashSet<PostId>>,
    ) -> Result<(), StreamEnded> {
        if let Some(after) = after {
            self.catch_up(client, after, posts.as_ref()).await?;
        }
        loop {
            let told = tokio::select! {
                () = client.ended() => return Err(StreamEnded),
                told = news.recv() => told,
            };
            match told.as_deref() {
                Ok(News::Counts(batch)) => send(client, batch, posts.as_ref()).await?,
                Ok(News::Reset(at)) => reset(client, at).await?,
                Err(RecvError::Lagged(_)) => self.reset_at_head(client).await?,
                Err(RecvError::Closed) => return Err(StreamEnded),
            }
        }
    }

    async fn catch_up(
        &self,
        client: &EventSender,
        after: Position,
        posts: Option<&HashSet<PostId>>,
    ) -> Result<(), StreamEnded> {
        let mut from = after;
        for _ in 0..MAX_CATCH_UP / STEP {
            let Ok(LogPage { changes, next }) = self.log.read(&from, STEP).await else {
                return self.reset_at_head(client).await;
            };
            if changes.is_empty() {
                return Ok(());
            }
            let counts = self.summaries(changes);
            send(client, &Batch { from, to: next.clone(), counts }, posts).await?;
            from = next;
        }
        self.reset_at_head(client).await
    }

    /// Each post's last state, in the order of their last change.
    fn summaries(&self, changes: Vec<Change>) -> Vec<(PostId, String)> {
        let mut last: HashMap<PostId, (usize, PostState)> = HashMap::new();
        for (at, Change { state, .. }) in changes.into_iter().enumerate() {
            match last.get(&state.post) {
                Some((_, held)) if !state.replaces(held.version) => {}
                _ => drop(last.insert(state.post.clone(), (at, state))),
            }
        }
        let mut last: Vec<_> = last.into_values().collect();
        last.sort_unstable_by_key(|(at, _)| *at);
        let write = |state: PostState| {
            let counts = Tally::new(&self.kinds, &state.counts);
            let (total, version) = (counts.total(), state.version.0);
            let summary = Summary { post: &state.post, counts, total, version };
            let data = serde_json::to_string(&summary).ok()?;
            Some((state.post, data))
        };
        last.into_iter().filter_map(|(_, state)| write(state)).collect()
    }

    async fn reset_at_head(&self, client: &EventSender) -> Result<(), StreamEnded> {
        match self.log.head().await {
            Ok(head) => reset(client, &head).await,
            Err(_) => reset(client, &Position(Vec::new())).await,
        }
    }
}

async fn reset(client: &EventSender, at: &Position) -> Result<(), StreamEnded> {
    client.send(Frame::new(at, "reset", "{}")).await
}

async fn send(
    client: &EventSender,
    batch: &Batch,
    posts: Option<&HashSet<PostId>>,
) -> Result<(), StreamEnded> {
    let wanted = match posts {
        None => batch.counts.iter().collect(),
        Some(posts) => {
            let of_interest = batch.counts.iter().filter(|(post, _)| posts.contains(post));
            of_interest.collect::<Vec<_>>()
        }
    };
    let last = wanted.len().saturating_sub(1);
    for (at, (_, data)) in wanted.into_iter().enumerate() {
        let id = if at == last { &batch.to } else { &batch.from };
        client.send(Frame::new(id, "counts", data)).await?;
    }
    Ok(())
}
