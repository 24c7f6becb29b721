//! A search index: documents under versions, and texts to be found.

use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::{IndexHit, IndexQuery, PostIndex, Projection, Put};
use kudos_core::{PortError, Snapshot};
use kudos_testkit::{MemoryIndex, MemoryProjection};

pub(crate) struct SearchIndex {
    pub(crate) documents: Arc<MemoryProjection>,
    texts: MemoryIndex,
}

impl SearchIndex {
    pub(crate) fn new() -> Self {
        Self { documents: Arc::new(MemoryProjection::new("index")), texts: MemoryIndex::new() }
    }
}

#[async_trait]
impl Projection for SearchIndex {
    fn name(&self) -> &'static str {
        self.documents.name()
    }

    async fn put(&self, snapshots: &[Snapshot]) -> Result<Vec<Put>, PortError> {
        let put = self.documents.put(snapshots).await?;
        for Snapshot { post, .. } in snapshots {
            if let Some(held) = self.documents.held(&post.id) {
                self.texts.put(std::slice::from_ref(&held.post));
                self.texts.set_total(&post.id, held.state.counts.total());
            }
        }
        self.texts.refresh().await?;
        Ok(put)
    }
}

#[async_trait]
impl PostIndex for SearchIndex {
    async fn refresh(&self) -> Result<(), PortError> {
        self.texts.refresh().await
    }

    async fn search(&self, query: &IndexQuery) -> Result<Vec<IndexHit>, PortError> {
        self.texts.search(query).await
    }
}
