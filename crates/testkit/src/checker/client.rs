use async_trait::async_trait;
use kudos_core::{Counts, Kind, Millis, Operation, Outcome, PostId, UserId, Version};

/// One reaction, as a client asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its idempotency key.
    pub key: String,
    /// The post.
    pub post: PostId,
    /// The user.
    pub user: UserId,
    /// What the user wants to hold: none takes the reaction back.
    pub want: Option<Kind>,
}

impl Request {
    /// The same as an operation that arrives at `at`.
    pub fn operation(&self, at: Millis) -> Operation {
        Operation::keyed(&self.key, self.post.clone(), self.user.clone(), self.want, at)
    }
}

/// What an acknowledgement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// What the user holds.
    pub mine: Option<Kind>,
    /// Whether the operation changed anything.
    pub changed: bool,
    /// The version of the post after it.
    pub version: Version,
    /// The counts of that version.
    pub counts: Counts,
}

impl From<Outcome> for Ack {
    fn from(outcome: Outcome) -> Self {
        let Outcome { mine, changed, version, counts, .. } = outcome;
        Self { mine, changed, version, counts }
    }
}

/// What became of a request, as far as its sender can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It is durable.
    Acknowledged(Ack),
    /// Refused as older than what is remembered (409): this one was surely not applied now.
    Stale,
    /// Surely not applied: it may be sent again (429).
    Busy,
    /// Nobody knows: no answer, or one that says so (503).
    Unknown,
    /// An answer that nothing explains.
    Wrong(String),
}

/// A way to one writer. Several may be used at once by several lanes.
#[async_trait]
pub trait Client: Send + Sync {
    /// Sends a request once, and waits for its answer for a bounded time.
    async fn react(&self, request: &Request) -> Reply;
}
