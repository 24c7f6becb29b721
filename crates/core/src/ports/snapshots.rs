use async_trait::async_trait;

use crate::counts::Counts;
use crate::error::PortError;
use crate::id::PostId;
use crate::snapshot::Snapshot;

/// One of `of` equal parts of all posts, for scans that run side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Which part, below `of`.
    pub part: u32,
    /// How many parts there are, at least 1.
    pub of: u32,
}

impl Share {
    /// All posts.
    pub const ALL: Self = Self { part: 0, of: 1 };
}

/// Where a scan continues. Opaque: only the backend that gave it out can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanCursor(pub Vec<u8>);

/// One page of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPage {
    /// The posts of the page, hidden ones too; possibly none, although the scan goes on.
    pub snapshots: Vec<Snapshot>,
    /// Where the next page begins; none at the end.
    pub next: Option<ScanCursor>,
}

/// The whole truth of posts, for whoever keeps or mends a projection.
///
/// Promises: a snapshot holds every change of the post that was acknowledged before the call.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// The posts in the order asked; none for a post that was neither stored nor reacted to.
    async fn snapshots(&self, posts: &[PostId]) -> Result<Vec<Option<Snapshot>>, PortError>;

    /// Like [`snapshots`](Self::snapshots) for one post whose commits may be in doubt: when this
    /// returns, each write that began before is either in the snapshot or will never be applied.
    async fn settle(&self, post: &PostId) -> Result<Option<Snapshot>, PortError>;

    /// Every post of the share once, about `limit` of them a page, in the backend's own order. A
    /// post that is stored while the scan runs may be left out.
    async fn scan(
        &self,
        share: Share,
        after: Option<&ScanCursor>,
        limit: usize,
    ) -> Result<ScanPage, PortError>;

    /// The counts as the rows of the users say, counted anew: what the counts have to be.
    async fn recount(&self, post: &PostId) -> Result<Counts, PortError>;
}
