//! A truth, live counts that are to be rebuilt, and backends that are disturbed on purpose.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;
use kudos_core::ports::{
    Completeness, EventLog, LiveCounts, Loss, PostStore, ReactionStore, ScanCursor, ScanPage,
    Share, Snapshots,
};
use kudos_core::{
    Change, Counts, Kind, Kinds, Millis, Operation, PortError, Post, PostId, Snapshot, UserId,
};
use kudos_rebuild::{Checkpoint, Limits, Ports, Progress, Rebuild, Scope};
use kudos_testkit::scope::NOW;
use kudos_testkit::{ManualClock, MemoryLive, MemoryTopic, MemoryTruth};
use tempfile::TempDir;

pub(crate) const POSTS: usize = 300;
pub(crate) const HOUR: u64 = 3_600_000;

pub(crate) fn post(name: impl std::fmt::Display) -> PostId {
    PostId::new(&name.to_string()).unwrap()
}

pub(crate) struct World {
    pub(crate) truth: Arc<MemoryTruth>,
    pub(crate) live: Arc<MemoryLive>,
    pub(crate) log: MemoryTopic,
    pub(crate) posts: Vec<PostId>,
    clock: ManualClock,
    dir: TempDir,
}

impl World {
    /// Posts of the last hours, each with another number of likes; the fifth one is hidden. The live
    /// counts are empty, and so is the log.
    pub(crate) async fn open() -> Self {
        let clock = ManualClock::new(NOW);
        let world = Self {
            truth: Arc::new(MemoryTruth::new()),
            live: Arc::new(MemoryLive::new()),
            log: MemoryTopic::timed(3, Arc::new(clock.clone())),
            posts: (0..POSTS).map(|i| post(format!("p{i:03}"))).collect(),
            clock,
            dir: tempfile::tempdir().unwrap(),
        };
        for (hours, id) in (0..).zip(&world.posts) {
            let (title, body, author) = (String::new(), String::new(), String::new());
            let created_at = Millis(NOW.0 - hours * HOUR);
            let post = Post { id: id.clone(), title, body, author, created_at };
            world.truth.upsert(&post).await.unwrap();
        }
        for (likes, id) in world.posts.iter().enumerate().map(|(i, id)| (i % 4, id)) {
            for user in 0..likes {
                apply(&world.truth, id, &format!("u{user}")).await;
            }
        }
        world.truth.hide(&world.posts[4]).await.unwrap();
        world
    }

    /// As a writer does to whom nothing happens, at a time.
    pub(crate) async fn like(&self, post: &PostId, user: &str, at: Millis) {
        self.clock.set(at);
        let change = apply(&self.truth, post, user).await;
        self.live.merge(std::slice::from_ref(&change.state)).await.unwrap();
        self.log.publish(&change).await.unwrap();
        self.clock.set(NOW);
    }

    pub(crate) fn ports(&self) -> Ports {
        Ports {
            truth: self.truth.clone(),
            live: self.live.clone(),
            mirrors: vec![self.live.clone()],
            completeness: self.live.clone(),
            clock: Arc::new(self.clock.clone()),
            kinds: Kinds::default(),
        }
    }

    pub(crate) fn rebuild(&self) -> Rebuild {
        rebuild(self.ports(), Scope::All)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("checkpoint.json")
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint::new(&self.path(), "all")
    }

    /// Asserts that the live counts hold exactly what the truth does.
    pub(crate) async fn exact(&self) {
        let snapshots = self.truth.snapshots(&self.posts).await.unwrap();
        let entries = self.live.entries(&self.posts).await.unwrap();
        for (snapshot, entry) in snapshots.into_iter().flatten().zip(entries) {
            let held = entry.map(|entry| (entry.state, entry.hidden));
            assert_eq!(held, Some((snapshot.state, snapshot.hidden)));
        }
        let all = self.live.posts();
        let strangers: Vec<_> = all.iter().filter(|id| !self.posts.contains(id)).collect();
        assert!(strangers.is_empty(), "{strangers:?}");
    }
}

pub(crate) fn limits() -> Limits {
    Limits { lanes: 3, page: 2, log_page: 4, events_a_line: 10, hottest: 50, ..Limits::default() }
}

pub(crate) fn rebuild(ports: Ports, scope: Scope) -> Rebuild {
    Rebuild::new(ports, scope, limits(), Arc::new(Progress::default()))
}

pub(crate) async fn apply(truth: &MemoryTruth, post: &PostId, user: &str) -> Change {
    let user = UserId::new(user).unwrap();
    let op = Operation::keyed(user.as_str(), post.clone(), user.clone(), Some(Kind(0)), NOW);
    truth.apply(op).await.unwrap().change(&user).unwrap()
}

/// A state that no commit made.
pub(crate) async fn corrupt(world: &World, post: &PostId, version: u64, count: u64) {
    let mut states = world.truth.states(std::slice::from_ref(post)).await.unwrap();
    let mut state = states.remove(0).unwrap();
    (state.version.0, state.counts) = (version, Counts::from_iter([count]));
    world.live.lose(post);
    world.live.merge(&[state]).await.unwrap();
}

/// A truth that is liked behind the back of each page that is read, and that answers no page after
/// so many.
pub(crate) struct Restless {
    pub(crate) inner: Arc<MemoryTruth>,
    pub(crate) live: Arc<MemoryLive>,
    pub(crate) pages: AtomicUsize,
    pub(crate) stop_after: usize,
    pub(crate) likes: bool,
    pub(crate) hides: Option<PostId>,
}

impl Restless {
    pub(crate) fn new(world: &World, likes: bool, stop_after: usize) -> Arc<Self> {
        Arc::new(Self { likes, stop_after, ..Self::hiding(world, None) })
    }

    /// One in which a post is hidden as soon as it was read, of which live counts that do not hold
    /// it yet learn nothing.
    pub(crate) fn hiding(world: &World, hides: Option<PostId>) -> Self {
        let (inner, live) = (world.truth.clone(), world.live.clone());
        let pages = AtomicUsize::new(0);
        Self { inner, live, pages, stop_after: usize::MAX, likes: false, hides }
    }
}

#[async_trait]
impl Snapshots for Restless {
    async fn snapshots(&self, posts: &[PostId]) -> Result<Vec<Option<Snapshot>>, PortError> {
        self.inner.snapshots(posts).await
    }

    async fn settle(&self, post: &PostId) -> Result<Option<Snapshot>, PortError> {
        self.inner.settle(post).await
    }

    async fn scan(
        &self,
        share: Share,
        after: Option<&ScanCursor>,
        limit: usize,
    ) -> Result<ScanPage, PortError> {
        let number = self.pages.fetch_add(1, SeqCst);
        if number >= self.stop_after {
            std::future::pending::<()>().await;
        }
        let page = self.inner.scan(share, after, limit).await?;
        let hidden = |told: &&Snapshot| !told.hidden && self.hides.as_ref() == Some(&told.post.id);
        if let Some(Snapshot { post, revision, .. }) = page.snapshots.iter().find(hidden) {
            self.inner.hide(&post.id).await?;
            self.live.hide(&post.id, true, revision + 1).await?;
        }
        for snapshot in page.snapshots.iter().filter(|told| self.likes && !told.hidden) {
            let change = apply(&self.inner, &snapshot.post.id, &format!("late{number}")).await;
            self.live.merge(&[change.state]).await?;
        }
        Ok(page)
    }

    async fn recount(&self, post: &PostId) -> Result<Counts, PortError> {
        self.inner.recount(post).await
    }
}

/// Orders that are complete once their loss is marked, if it is the last one.
#[derive(Default)]
pub(crate) struct Losses {
    pub(crate) lost: AtomicUsize,
    marked: AtomicUsize,
}

#[async_trait]
impl Completeness for Losses {
    async fn missing(&self) -> Result<Option<Loss>, PortError> {
        let lost = self.lost.load(SeqCst);
        Ok((lost != self.marked.load(SeqCst)).then(|| Loss(lost.to_string())))
    }

    async fn mark_complete(&self, loss: &Loss) -> Result<bool, PortError> {
        let lost = self.lost.load(SeqCst);
        if loss.0 == lost.to_string() {
            self.marked.store(lost, SeqCst);
        }
        Ok(loss.0 == lost.to_string())
    }
}
