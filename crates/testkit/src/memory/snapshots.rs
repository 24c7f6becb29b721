//! The whole truth of posts, for whoever keeps or mends a projection.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;

use async_trait::async_trait;
use kudos_core::ports::{ScanCursor, ScanPage, Share, Snapshots};
use kudos_core::{Counts, PortError, PostId, Snapshot};

use super::MemoryTruth;
use super::truth::Entry;

#[async_trait]
impl Snapshots for MemoryTruth {
    async fn snapshots(&self, posts: &[PostId]) -> Result<Vec<Option<Snapshot>>, PortError> {
        let known = self.posts.lock();
        Ok(posts.iter().map(|id| known.get(id).map(Entry::snapshot)).collect())
    }

    /// Nothing is ever in doubt here.
    async fn settle(&self, post: &PostId) -> Result<Option<Snapshot>, PortError> {
        Ok(self.posts.lock().get(post).map(Entry::snapshot))
    }

    async fn scan(
        &self,
        share: Share,
        after: Option<&ScanCursor>,
        limit: usize,
    ) -> Result<ScanPage, PortError> {
        let after = after.map(decode).transpose()?;
        let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let posts = self.posts.lock();
        let mut in_share = posts
            .range::<PostId, _>((from, Bound::Unbounded))
            .filter(|(id, _)| part_of(id, share.of) == share.part);
        let snapshots: Vec<_> =
            in_share.by_ref().take(limit.max(1)).map(|(_, entry)| entry.snapshot()).collect();
        let more = in_share.next().is_some();
        let last = snapshots.last().filter(|_| more);
        let next = last.map(|last| ScanCursor(last.post.id.as_str().as_bytes().to_vec()));
        Ok(ScanPage { snapshots, next })
    }

    async fn recount(&self, post: &PostId) -> Result<Counts, PortError> {
        let posts = self.posts.lock();
        let mut counts = Counts::new();
        for row in posts.get(post).into_iter().flat_map(|entry| entry.rows.values()) {
            counts.shift(None, row.kind).map_err(|e| PortError::Corrupt(e.to_string()))?;
        }
        Ok(counts)
    }
}

fn decode(cursor: &ScanCursor) -> Result<PostId, PortError> {
    let text = std::str::from_utf8(&cursor.0).ok().and_then(|text| PostId::new(text).ok());
    text.ok_or_else(|| PortError::Corrupt("a scan cursor of another backend".into()))
}

fn part_of(post: &PostId, of: u32) -> u32 {
    let mut hasher = DefaultHasher::new();
    post.hash(&mut hasher);
    u32::try_from(hasher.finish() % u64::from(of.max(1))).unwrap_or(0)
}
