//! The whole truth of posts.

use async_trait::async_trait;
use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use kudos_core::ports::{ScanCursor, ScanPage, Share, Snapshots};
use kudos_core::{Counts, Millis, PortError, PostId, PostState, Snapshot, Version};
use tokio::time::Instant;

use super::Store;
use super::attempt::Others;
use super::partition::Place;
use super::posts::{Stored, revision};

/// Posts of one call that are read at once.
const IN_PARALLEL: usize = 32;

#[async_trait]
impl Snapshots for Store {
    async fn snapshots(&self, posts: &[PostId]) -> Result<Vec<Option<Snapshot>>, PortError> {
        let reads: Vec<_> = posts.iter().map(|post| self.snapshot(post, false)).collect();
        stream::iter(reads).buffered(IN_PARALLEL).try_collect().await
    }

    /// Writes that nobody waits for any more are fenced: each was decided on a `seq` that is gone
    /// when this returns. An operation whose caller still waits may be decided anew afterwards, as
    /// one that began later.
    async fn settle(&self, post: &PostId) -> Result<Option<Snapshot>, PortError> {
        let buckets: Vec<_> = Place::all(post, self.buckets).collect();
        let fences: Vec<_> = buckets.iter().map(|place| self.fence(place)).collect();
        tokio::try_join!(try_join_all(fences), self.posts.fence(post))?;
        self.snapshot(post, true).await
    }

    async fn scan(
        &self,
        share: Share,
        after: Option<&ScanCursor>,
        limit: usize,
    ) -> Result<ScanPage, PortError> {
        let page = self.scan.page(&self.db, share, after, limit).await?;
        let posts = page.posts.into_iter();
        let reads: Vec<_> = posts.map(|stored| self.counted(stored, false)).collect();
        let snapshots = stream::iter(reads).buffered(IN_PARALLEL).try_collect().await?;
        Ok(ScanPage { snapshots, next: page.next })
    }

    async fn recount(&self, post: &PostId) -> Result<Counts, PortError> {
        let mut counts = Counts::new();
        for place in Place::all(post, self.buckets) {
            self.reads.count(&self.db, &self.kinds, &place, &mut counts).await?;
        }
        Ok(counts)
    }
}

impl Store {
    async fn snapshot(&self, post: &PostId, settled: bool) -> Result<Option<Snapshot>, PortError> {
        match self.posts.get(post, settled).await? {
            Some(stored) => self.counted(stored, settled).await.map(Some),
            None => Ok(None),
        }
    }

    /// A post with the counts of all its buckets.
    async fn counted(&self, stored: Stored, settled: bool) -> Result<Snapshot, PortError> {
        let places: Vec<_> = Place::all(&stored.post.id, self.buckets).collect();
        let partitions = &self.committer.partitions;
        let head = |place| partitions.head(&self.db, &self.kinds, place, settled);
        let heads: Vec<_> = places.iter().map(head).collect();
        let (mut sum, mut as_of) = (Others::default(), Millis(0));
        for head in try_join_all(heads).await?.into_iter().flatten() {
            sum.add(&head);
            as_of = as_of.max(head.as_of);
        }
        let Others { version, counts } = sum;
        let created_at = stored.post.created_at;
        let state = PostState {
            post: stored.post.id.clone(),
            created_at,
            version: Version(version),
            counts,
            as_of: if version == 0 { created_at } else { as_of },
        };
        let revision = revision(&stored);
        Ok(Snapshot { post: stored.post, hidden: stored.hidden, revision, state })
    }

    /// Raises `seq` above what it is now. Whoever raises it, a commit that does so serves as well.
    async fn fence(&self, place: &Place) -> Result<(), PortError> {
        let deadline = Instant::now() + self.committer.timeout;
        let partitions = &self.committer.partitions;
        let first = partitions.head(&self.db, &self.kinds, place, true).await?;
        let first = first.and_then(|head| head.seq);
        loop {
            let fenced = partitions.fence(&self.db, place, first).await;
            if matches!(fenced, Ok(true)) {
                return Ok(());
            }
            let now = partitions.head(&self.db, &self.kinds, place, true).await;
            match now {
                Ok(now) if now.as_ref().and_then(|head| head.seq) > first => return Ok(()),
                _ if Instant::now() < deadline => {}
                Ok(_) => return Err(PortError::Timeout),
                Err(error) => return Err(error),
            }
        }
    }
}
