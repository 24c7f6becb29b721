//! Posts as a reader saw them a moment ago.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{PostMeta, PostStore, Upserted};
use kudos_core::{Change, Millis, PortError, Post, PostId, TimeKey};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::follow::Follower;

/// Bytes that an entry takes beside its texts.
const OVERHEAD: u64 = 256;

/// A store of posts in front of which visible posts are kept in memory. A post that is changed
/// or hidden elsewhere is forgotten when the log says so, at the latest after the span. What is
/// read again in the second half of its span is renewed meanwhile, so that readers do not wait for
/// what is wanted all the time.
pub struct CachedPosts(Arc<Shared>);

struct Shared {
    inner: Arc<dyn PostStore>,
    posts: Cache<PostId, Entry, Bytes>,
    span: Duration,
    /// One renewal at a time: who comes meanwhile leaves it to the next reader.
    renewing: Arc<Semaphore>,
}

#[derive(Clone)]
struct Entry {
    read_at: Instant,
    post: Arc<Post>,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<PostId, Entry> for Bytes {
    fn weight(&self, key: &PostId, entry: &Entry) -> u64 {
        let Post { title, body, author, .. } = &*entry.post;
        let texts = 2 * key.as_str().len() + title.len() + body.len() + author.len();
        OVERHEAD + texts as u64
    }
}

impl CachedPosts {
    /// Keeps posts for `span`, and at most about `bytes` of them.
    pub fn new(inner: Arc<dyn PostStore>, span: Duration, bytes: u64) -> Self {
        let average = 1_024;
        let posts = usize::try_from(bytes / average).unwrap_or(usize::MAX);
        let posts = Cache::with_weighter(posts, bytes, Bytes);
        Self(Arc::new(Shared { inner, posts, span, renewing: Arc::new(Semaphore::new(1)) }))
    }
}

impl Shared {
    fn held(&self, post: &PostId) -> Option<Entry> {
        self.posts.get(post).filter(|entry| entry.read_at.elapsed() < self.span)
    }

    /// Reads posts, and keeps those that there are.
    async fn load(&self, posts: &[PostId]) -> Result<Vec<Option<Post>>, PortError> {
        // Before the read: a change that comes while it runs may not be in it.
        let read_at = Instant::now();
        let loaded = self.inner.get(posts).await?;
        for post in loaded.iter().flatten() {
            let entry = Entry { read_at, post: Arc::new(post.clone()) };
            self.posts.insert(post.id.clone(), entry);
        }
        Ok(loaded)
    }

    fn renew(self: &Arc<Self>, posts: Vec<PostId>) {
        let Ok(permit) = Arc::clone(&self.renewing).try_acquire_owned() else { return };
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = shared.load(&posts).await {
                tracing::debug!(%error, "posts cannot be renewed now");
            }
            drop(permit);
        });
    }
}

impl Follower for CachedPosts {
    fn changed(&self, changes: &[Change]) {
        // Without users, it is the post itself that changed.
        for change in changes.iter().filter(|change| change.users.is_empty()) {
            self.0.posts.remove(&change.state.post);
        }
    }

    fn missed(&self) {
        self.0.posts.clear();
    }
}

#[async_trait]
impl PostStore for CachedPosts {
    async fn upsert(&self, post: &Post) -> Result<Upserted, PortError> {
        self.0.posts.remove(&post.id);
        self.0.inner.upsert(post).await
    }

    async fn hide(&self, post: &PostId) -> Result<bool, PortError> {
        self.0.posts.remove(post);
        self.0.inner.hide(post).await
    }

    async fn meta(&self, post: &PostId) -> Result<Option<PostMeta>, PortError> {
        match self.0.held(post) {
            Some(Entry { post, .. }) => {
                Ok(Some(PostMeta { created_at: post.created_at, hidden: false }))
            }
            None => self.0.inner.meta(post).await,
        }
    }

    async fn get(&self, posts: &[PostId]) -> Result<Vec<Option<Post>>, PortError> {
        let held: Vec<_> = posts.iter().map(|post| self.0.held(post)).collect();
        let ages = |entry: &Entry| entry.read_at.elapsed() >= self.0.span / 2;
        let aging = posts.iter().zip(&held).filter(|(_, held)| held.as_ref().is_some_and(ages));
        let aging: Vec<PostId> = aging.map(|(post, _)| post.clone()).collect();
        if !aging.is_empty() {
            self.0.renew(aging);
        }
        let missing = posts.iter().zip(&held).filter(|(_, held)| held.is_none());
        let missing: Vec<PostId> = missing.map(|(post, _)| post.clone()).collect();
        let mut loaded = Vec::new();
        if !missing.is_empty() {
            loaded = self.0.load(&missing).await?;
        }
        let mut loaded = loaded.into_iter();
        let found = held.into_iter().map(|held| match held {
            Some(Entry { post, .. }) => Some(Post::clone(&post)),
            None => loaded.next().flatten(),
        });
        Ok(found.collect())
    }

    async fn by_time(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<Post>, PortError> {
        self.0.inner.by_time(since, after, limit).await
    }
}

#[cfg(test)]
mod tests {
    use kudos_testkit::{Call, Faulty, MemoryTruth, Scope};

    use super::*;

    struct World {
        scope: Scope,
        store: Arc<Faulty<MemoryTruth>>,
        cached: CachedPosts,
    }

    impl World {
        async fn new() -> Self {
            let store = Arc::new(Faulty::new(MemoryTruth::new()));
            let cached = CachedPosts::new(store.clone(), Duration::from_secs(10), 1 << 20);
            let world = Self { scope: Scope::new(), store, cached };
            world.store("one").await;
            world
        }

        async fn store(&self, title: &str) -> Vec<Change> {
            let post = self.scope.written("p", title, 0);
            self.store.inner().upsert(&post).await.unwrap();
            let id = post.id;
            let state = kudos_core::PostState {
                post: id,
                created_at: post.created_at,
                version: kudos_core::Version(0),
                counts: kudos_core::Counts::new(),
                as_of: post.created_at,
            };
            vec![Change { state, users: Vec::new() }]
        }

        async fn title(&self) -> String {
            let found = self.cached.get(&[self.scope.post("p")]).await.unwrap().remove(0);
            found.unwrap().title
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_post_is_read_once_within_the_span() {
        let world = World::new().await;
        assert_eq!(world.title().await, "one");
        world.store("two").await;
        assert_eq!(world.title().await, "one");
        assert_eq!(world.store.faults().calls(Call::Get), 1);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(world.title().await, "two");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_wanted_all_the_time_is_renewed_while_readers_get_what_is_held() {
        let world = World::new().await;
        assert_eq!(world.title().await, "one");
        world.store("two").await;
        world.store.faults().on(Call::Get).delay(Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!((world.title().await, world.title().await), ("one".into(), "one".into()));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(world.title().await, "two");
        assert_eq!(world.store.faults().calls(Call::Get), 2, "one renewal at a time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_post_that_the_log_says_has_changed_is_read_anew() {
        let world = World::new().await;
        assert_eq!(world.title().await, "one");
        let changes = world.store("two").await;
        world.cached.changed(&changes);
        assert_eq!(world.title().await, "two");
        world.store("three").await;
        world.cached.missed();
        assert_eq!(world.title().await, "three");
    }

    #[tokio::test(start_paused = true)]
    async fn a_post_that_is_not_there_is_asked_for_each_time() {
        let world = World::new().await;
        let absent = [world.scope.post("absent")];
        for calls in 1..=2 {
            assert_eq!(world.cached.get(&absent).await.unwrap(), [None]);
            assert_eq!(world.store.faults().calls(Call::Get), calls);
        }
    }
}
