//! What sinks missed is written down before a write is acknowledged, and delivered later.
//!
//! Time is cut into windows. Before a writer changes a post, it notes the post durably in the
//! present window ([`OutageJournal::cover`]). A window in which every sink confirmed everything is
//! closed as clean and never looked at again; a sweeper delivers what the others hold, those of
//! writers that died included ([`OutageWindows`]).

use async_trait::async_trait;

use crate::error::PortError;
use crate::id::PostId;

/// A write that the journal covers: the window in which its post is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// The writer's side of the journal.
#[async_trait]
pub trait OutageJournal: Send + Sync {
    /// Notes durably, before the truth is asked to change, that sinks may miss a change of `post`.
    /// The window stays open until the ticket's [`end`](Self::end), which comes exactly once.
    async fn cover(&self, post: &PostId) -> Result<Ticket, PortError>;

    /// `sink` may not hold what was written under the ticket. Called from `Drop` too: it only
    /// withholds the closing of windows, in memory, and neither blocks nor fails.
    fn missed(&self, ticket: Ticket, sink: &'static str);

    /// Nobody knows whether what was to be written under the ticket is committed, and no sink was
    /// told. Neither blocks nor fails.
    fn in_doubt(&self, ticket: Ticket);

    /// Nothing more is to be said about the ticket. Neither blocks nor fails.
    fn end(&self, ticket: Ticket);
}

/// A window that is not clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueWindow {
    /// The writer that opened it.
    pub instance: String,
    /// Its number: windows of a writer count up.
    pub window: u64,
    /// The sinks that may have missed something, and were not yet told anew; `None` if nobody
    /// knows, because the writer died with the window open: then it may be any.
    pub missed: Option<Vec<String>>,
    /// Whether commits may be in doubt, so that posts have to be settled before they are read.
    pub in_doubt: bool,
}

/// The sweeper's side of the journal.
#[async_trait]
pub trait OutageWindows: Send + Sync {
    /// Windows to deliver, the oldest first: of writers that live those that were closed unclean,
    /// of writers that died also those that were left open.
    async fn due(&self, limit: usize) -> Result<Vec<DueWindow>, PortError>;

    /// The posts of a window in a fixed order, behind `after`.
    async fn posts(
        &self,
        window: &DueWindow,
        after: Option<&PostId>,
        limit: usize,
    ) -> Result<Vec<PostId>, PortError>;

    /// Replaces the sinks that still have to be told; the window is gone when none is left.
    async fn told(&self, window: &DueWindow, left: &[String]) -> Result<(), PortError>;
}
