//! The truth: reactions, their counts, and posts.
//!
//! | question | file |
//! |---|---|
//! | what is a partition, and which statements touch it? | `partition.rs` |
//! | what does a batch of operations make of it? | `attempt.rs` |
//! | when is it written, again, or settled? | `commit.rs` |
//! | which operations share a commit? | `lanes.rs` |
//! | who reacted, and how often? | `reads.rs` |
//! | how are posts stored, hidden, listed? | `posts.rs`, `timeline.rs` |
//! | how is the whole truth read, and fenced? | `snapshots.rs`, `scan.rs` |

mod attempt;
mod commit;
mod lanes;
mod partition;
mod posts;
mod reads;
mod scan;
mod snapshots;
mod timeline;

use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::{PostMeta, PostStore, ReactionStore, ReactorPage, Upserted};
use kudos_core::{
    Applied, ApplyError, Clock, Kind, Kinds, Millis, Operation, PortError, Post, PostId, PostState,
    TimeKey, UserId,
};

use crate::counters::{CommitCounts, Counters};
use crate::error::ConnectError;
use crate::session::Db;
use crate::settings::CassandraSettings;
use attempt::Task;
use commit::Committer;
use lanes::Lanes;
use partition::{Partitions, Place};
use posts::{Posts, Stored};
use reads::Reads;
use scan::Scan;

/// Entries of the timeline that are looked up at once, at least.
const LISTED: usize = 32;

/// The truth on Cassandra. Every change of a partition of reactions is one conditional write, and
/// everything acknowledged is on a quorum.
///
/// Posts that nobody stored become known by their first reaction.
pub struct Store {
    db: Arc<Db>,
    kinds: Arc<Kinds>,
    buckets: u8,
    committer: Arc<Committer>,
    lanes: Arc<Lanes>,
    posts: Posts,
    reads: Reads,
    scan: Scan,
}

impl Store {
    pub(crate) async fn prepare(
        db: Arc<Db>,
        kinds: Arc<Kinds>,
        clock: Arc<dyn Clock>,
        settings: &CassandraSettings,
    ) -> Result<Self, ConnectError> {
        let committer = Arc::new(Committer {
            db: Arc::clone(&db),
            kinds: Arc::clone(&kinds),
            partitions: Partitions::prepare(&db, settings).await?,
            counters: Counters::new(),
            buckets: settings.buckets,
            timeout: settings.commit_timeout,
        });
        let lanes = Lanes::new(Arc::clone(&committer), settings.lanes, settings.queue);
        Ok(Self {
            buckets: settings.buckets,
            lanes: Arc::new(lanes),
            posts: Posts::prepare(Arc::clone(&db), clock, settings).await?,
            reads: Reads::prepare(&db, settings).await?,
            scan: Scan::prepare(&db, settings).await?,
            committer,
            kinds,
            db,
        })
    }

    /// What the commits of this store did so far.
    pub fn commit_counts(&self) -> CommitCounts {
        self.committer.counters.counts()
    }
}

#[async_trait]
impl ReactionStore for Store {
    async fn apply(&self, op: Operation) -> Result<Applied, ApplyError> {
        let created_at = self.posts.created_at(&op.post, op.at).await?;
        let place = Place::of(&op.post, &op.user, self.buckets);
        self.lanes.apply(place, Task { op, created_at, doubts: Vec::new() }).await
    }

    async fn states(&self, posts: &[PostId]) -> Result<Vec<Option<PostState>>, PortError> {
        let snapshots = kudos_core::ports::Snapshots::snapshots(self, posts).await?;
        Ok(snapshots.into_iter().map(|snapshot| Some(snapshot?.state)).collect())
    }

    async fn held(&self, user: &UserId, posts: &[PostId]) -> Result<Vec<Option<Kind>>, PortError> {
        self.reads.held(&self.db, &self.kinds, self.buckets, user, posts).await
    }

    async fn reactors(
        &self,
        post: &PostId,
        kind: Option<Kind>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<ReactorPage, PortError> {
        self.reads.reactors(&self.db, &self.kinds, self.buckets, post, kind, after, limit).await
    }
}

#[async_trait]
impl PostStore for Store {
    async fn upsert(&self, post: &Post) -> Result<Upserted, PortError> {
        self.posts.upsert(post).await
    }

    async fn hide(&self, post: &PostId) -> Result<bool, PortError> {
        self.posts.hide(post).await
    }

    async fn meta(&self, post: &PostId) -> Result<Option<PostMeta>, PortError> {
        self.posts.meta(post).await
    }

    async fn get(&self, posts: &[PostId]) -> Result<Vec<Option<Post>>, PortError> {
        let stored = self.posts.get_all(posts).await?;
        Ok(stored.into_iter().map(|stored| stored.and_then(Stored::visible)).collect())
    }

    async fn by_time(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<Post>, PortError> {
        let (mut found, mut behind) = (Vec::new(), after.cloned());
        while found.len() < limit {
            let asked = (limit - found.len()).max(LISTED.min(limit * 2));
            let keys = self.posts.timeline().entries(since, behind.as_ref(), asked).await?;
            let ids: Vec<_> = keys.iter().map(|key| key.post.clone()).collect();
            let posts = self.get(&ids).await?;
            let confirmed = keys
                .iter()
                .zip(posts)
                .filter_map(|(key, post)| post.filter(|post| post.created_at == key.created_at));
            found.extend(confirmed.take(limit - found.len()));
            if keys.len() < asked {
                break;
            }
            behind = keys.last().cloned();
        }
        Ok(found)
    }
}
