use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::{ScanCursor, ScanPage, Share, Snapshots};
use kudos_core::{Counts, PortError, PostId, Snapshot};

use super::MemoryTruth;

/// A truth whose rows are counted as somebody else says, who hears what they are.
pub struct WithRows<F> {
    truth: Arc<MemoryTruth>,
    counted: F,
}

impl<F: Fn(&PostId, Counts) -> Result<Counts, PortError>> WithRows<F> {
    /// This truth, whose rows of a post are what `counted` makes of them.
    pub fn new(truth: Arc<MemoryTruth>, counted: F) -> Self {
        Self { truth, counted }
    }
}

#[async_trait]
impl<F: Fn(&PostId, Counts) -> Result<Counts, PortError> + Send + Sync> Snapshots for WithRows<F> {
    async fn snapshots(&self, posts: &[PostId]) -> Result<Vec<Option<Snapshot>>, PortError> {
        self.truth.snapshots(posts).await
    }

    async fn settle(&self, post: &PostId) -> Result<Option<Snapshot>, PortError> {
        self.truth.settle(post).await
    }

    async fn scan(
        &self,
        share: Share,
        after: Option<&ScanCursor>,
        limit: usize,
    ) -> Result<ScanPage, PortError> {
        self.truth.scan(share, after, limit).await
    }

    async fn recount(&self, post: &PostId) -> Result<Counts, PortError> {
        (self.counted)(post, self.truth.recount(post).await?)
    }
}
