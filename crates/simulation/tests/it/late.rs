//! A truth whose commits may be late: given up by their caller, and applied nevertheless.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{ReactionStore, ReactorPage, ScanCursor, ScanPage, Share, Snapshots};
use kudos_core::{
    Applied, ApplyError, Counts, Kind, Operation, PortError, PostId, PostState, Snapshot, UserId,
};
use kudos_testkit::MemoryTruth;
use std::sync::Mutex;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::flaws::Flaw;

/// What is under way, by post.
type UnderWay = BTreeMap<PostId, usize>;

/// The truth, behind a network that holds some commits back, for up to 15 s.
pub(crate) struct LateTruth {
    pub(crate) inner: Arc<MemoryTruth>,
    under_way: Arc<watch::Sender<UnderWay>>,
    rng: Mutex<fastrand::Rng>,
    /// How long the next commit is held.
    hold: Mutex<Option<Duration>>,
    flaw: Flaw,
}

impl LateTruth {
    pub(crate) fn new(seed: u64, flaw: Flaw) -> Self {
        let (rng, hold) = (Mutex::new(fastrand::Rng::with_seed(seed)), Mutex::default());
        Self { inner: Arc::new(MemoryTruth::new()), under_way: Arc::default(), rng, hold, flaw }
    }

    /// The next commit is under way for so long before it is applied.
    pub(crate) fn hold_next(&self, span: Duration) {
        *self.hold.lock().unwrap() = Some(span);
    }

    /// Most take a few milliseconds, some are held.
    fn delay(&self) -> Duration {
        let mut rng = self.rng.lock().unwrap();
        Duration::from_millis(match rng.u32(..200) {
            0 => rng.u64(..15_000),
            1..10 => rng.u64(..200),
            _ => rng.u64(..4),
        })
    }

    fn count(&self, post: &PostId, by: isize) {
        count(&self.under_way, post, by);
    }
}

fn count(under_way: &watch::Sender<UnderWay>, post: &PostId, by: isize) {
    under_way.send_modify(|under_way| {
        let count = under_way.entry(post.clone()).or_default();
        *count = count.checked_add_signed(by).unwrap();
    });
}

#[async_trait]
impl ReactionStore for LateTruth {
    async fn apply(&self, op: Operation) -> Result<Applied, ApplyError> {
        let held = self.hold.lock().unwrap().take();
        let (before, after) = (held.unwrap_or_else(|| self.delay()), self.delay());
        self.count(&op.post, 1);
        let (inner, under_way) = (self.inner.clone(), self.under_way.clone());
        let commit = tokio::spawn(async move {
            sleep(before).await;
            let post = op.post.clone();
            let applied = inner.apply(op).await;
            inner.log().trim(0);
            count(&under_way, &post, -1);
            sleep(after).await;
            applied
        });
        commit.await.unwrap()
    }

    async fn states(&self, posts: &[PostId]) -> Result<Vec<Option<PostState>>, PortError> {
        self.inner.states(posts).await
    }

    async fn held(&self, user: &UserId, posts: &[PostId]) -> Result<Vec<Option<Kind>>, PortError> {
        self.inner.held(user, posts).await
    }

    async fn reactors(
        &self,
        post: &PostId,
        kind: Option<Kind>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<ReactorPage, PortError> {
        self.inner.reactors(post, kind, after, limit).await
    }
}

#[async_trait]
impl Snapshots for LateTruth {
    async fn snapshots(&self, posts: &[PostId]) -> Result<Vec<Option<Snapshot>>, PortError> {
        self.inner.snapshots(posts).await
    }

    /// Waits until no commit to the post is under way.
    async fn settle(&self, post: &PostId) -> Result<Option<Snapshot>, PortError> {
        let mut under_way = self.under_way.subscribe();
        let none = |posts: &UnderWay| posts.get(post).is_none_or(|&count| count == 0);
        let settled = |posts: &UnderWay| self.flaw == Flaw::SettlesNothing || none(posts);
        under_way.wait_for(settled).await.map(drop).map_err(|_| PortError::Timeout)?;
        self.inner.settle(post).await
    }

    async fn scan(
        &self,
        share: Share,
        after: Option<&ScanCursor>,
        limit: usize,
    ) -> Result<ScanPage, PortError> {
        self.inner.scan(share, after, limit).await
    }

    async fn recount(&self, post: &PostId) -> Result<Counts, PortError> {
        self.inner.recount(post).await
    }
}
