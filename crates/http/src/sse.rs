//! Server-sent events: bounded in clients and in what waits for each, alive, and over when the
//! process stops.

mod frame;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use futures::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::problem::Problem;

pub use frame::Frame;

/// When a client that found no room should ask again.
const FULL_RETRY: Duration = Duration::from_secs(10);

/// How events are streamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SseSettings {
    /// The most clients at a time; the next one gets 503.
    pub max_clients: usize,
    /// The most events that wait for one client.
    pub queue: usize,
    /// How often a silent stream says that it is alive.
    #[serde(with = "kudos_runtime::config::duration")]
    pub heartbeat: Duration,
}

impl Default for SseSettings {
    fn default() -> Self {
        Self { max_clients: 1000, queue: 256, heartbeat: Duration::from_secs(15) }
    }
}

/// Opens streams. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EventStreams {
    room: Arc<Semaphore>,
    queue: usize,
    heartbeat: Duration,
    shutdown: CancellationToken,
}

/// The client has gone, or the process is stopping: nothing more can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream has ended")]
pub struct StreamEnded;

/// Why an event was not taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// As many events as may wait are waiting.
    #[error("the client is too slow")]
    Full,
    /// Nothing more can be sent.
    #[error(transparent)]
    Ended(#[from] StreamEnded),
}

/// The sending end of one client's stream. Dropping it ends the stream.
#[derive(Debug)]
pub struct EventSender {
    queue: mpsc::Sender<Frame>,
    shutdown: CancellationToken,
}

impl EventSender {
    /// Waits for room and sends.
    pub async fn send(&self, event: Frame) -> Result<(), StreamEnded> {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Err(StreamEnded),
            sent = self.queue.send(event) => sent.map_err(|_| StreamEnded),
        }
    }

    /// Sends if there is room.
    pub fn push(&self, event: Frame) -> Result<(), PushError> {
        self.queue.try_send(event).map_err(|refused| match refused {
            TrySendError::Full(_) => PushError::Full,
            TrySendError::Closed(_) => StreamEnded.into(),
        })
    }

    /// Returns when the client has gone or the process is stopping.
    pub async fn ended(&self) {
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = self.queue.closed() => {}
        }
    }
}

struct Receiving {
    queue: mpsc::Receiver<Frame>,
    heartbeat: Interval,
    shutdown: CancellationToken,
    /// Given back when the client's connection drops the body.
    _room: OwnedSemaphorePermit,
}

impl Receiving {
    /// The next bytes for the client; none ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => None,
            event = self.queue.recv() => {
                self.heartbeat.reset();
                event.map(Frame::into_bytes)
            }
            _ = self.heartbeat.tick() => Some(Frame::heartbeat().into_bytes()),
        }
    }
}

impl EventStreams {
    /// Streams that end when `shutdown` is cancelled.
    pub fn new(settings: &SseSettings, shutdown: CancellationToken) -> Self {
        Self {
            room: Arc::new(Semaphore::new(settings.max_clients.min(Semaphore::MAX_PERMITS))),
            queue: settings.queue.max(1),
            heartbeat: settings.heartbeat,
            shutdown,
        }
    }

    /// A stream for one more client: where to send, and what to answer. 503 if there is no room
    /// or the process is stopping.
    pub fn open(&self) -> Result<(EventSender, Response), Problem> {
        let full = || Problem::Unavailable { retry_after: FULL_RETRY };
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| full())?;
        if self.shutdown.is_cancelled() {
            return Err(full());
        }
        let (sender, queue) = mpsc::channel(self.queue);
        let mut heartbeat = tokio::time::interval(self.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let receiving =
            Receiving { queue, heartbeat, shutdown: self.shutdown.clone(), _room: room };
        let sender = EventSender { queue: sender, shutdown: self.shutdown.clone() };
        Ok((sender, respond(receiving)))
    }

    /// How many more clients find room.
    pub fn room(&self) -> usize {
        self.room.available_permits()
    }
}

fn respond(receiving: Receiving) -> Response {
    let events = stream::unfold(receiving, async |mut receiving| {
        let bytes = receiving.next().await?;
        Some((Ok::<_, Infallible>(bytes), receiving))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    // nginx would hold events back to fill its buffers.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    headers.insert(unbuffered, HeaderValue::from_static("no"));
    response
}
