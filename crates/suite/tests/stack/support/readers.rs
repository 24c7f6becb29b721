//! Copies that only this deployment has, as the checker reads them.

use std::sync::Arc;

use async_trait::async_trait;
use kudos_cassandra::Rollup;
use kudos_core::{PortError, PostId};
use kudos_elastic::Elastic;
use kudos_testkit::checker::{Reader, Seen};

/// The search index: totals alone.
pub(crate) struct IndexReader(pub(crate) Arc<Elastic>);

#[async_trait]
impl Reader for IndexReader {
    async fn counts(&self, posts: &[PostId]) -> Result<Option<Vec<Option<Seen>>>, PortError> {
        let copies = self.0.copies(posts).await?;
        let seen = |total| Seen { total, counts: None, version: None, fresh: true };
        Ok(Some(copies.into_iter().map(|copy| Some(seen(copy?.total))).collect()))
    }
}

/// The table `reaction_counts`.
pub(crate) struct RollupReader(pub(crate) Arc<Rollup>);

#[async_trait]
impl Reader for RollupReader {
    async fn counts(&self, posts: &[PostId]) -> Result<Option<Vec<Option<Seen>>>, PortError> {
        let mut all = Vec::with_capacity(posts.len());
        for post in posts {
            let row = self.0.read(post).await?;
            let seen = row.map(|row| {
                assert_eq!(row.total, row.counts.total(), "the row of {post}");
                Seen::counts(row.counts, Some(row.version))
            });
            all.push(seen);
        }
        Ok(Some(all))
    }
}
