//! A reader on backends in memory, each behind faults of its own, and its router behind the gate.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use kudos_core::ports::{LiveCounts, PostIndex, PostStore, ReactionStore};
use kudos_core::{Kind, Kinds, Millis, Operation, PortError, PostId, PostState, Window};
use kudos_degraded::Observer;
use kudos_http::auth::{AuthSettings, Authenticator};
use kudos_http::cursor::CursorKey;
use kudos_http::gate::Gate;
use kudos_http::limit::LimitSettings;
use kudos_http::sse::{EventStreams, SseSettings};
use kudos_query::{
    CachedPosts, EventHub, Mend, Newest, Queries, QueryError, QueryService, QuerySettings, Recent,
    SearchPage, SearchRequest, Sort, Sources, routes,
};
use kudos_testkit::scope::NOW;
use kudos_testkit::{
    Faults, Faulty, ManualClock, MemoryIndex, MemoryLive, MemoryLog, MemoryTruth, Scope,
};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Up,
    Fails,
    Hangs,
}

impl Health {
    pub(crate) const ALL: [Self; 3] = [Self::Up, Self::Fails, Self::Hangs];

    pub(crate) fn set(self, faults: &Faults) {
        match self {
            Self::Up => faults.heal(),
            Self::Fails => faults.fail_with(PortError::Unavailable("gone".into())),
            Self::Hangs => faults.hang(),
        }
    }

    pub(crate) fn up(self) -> bool {
        self == Self::Up
    }
}

/// The posts that were to be mended.
#[derive(Default)]
pub(crate) struct Mended(Mutex<Vec<PostId>>);

impl Mend for Mended {
    fn mend(&self, posts: &[PostId]) {
        self.0.lock().unwrap().extend_from_slice(posts);
    }
}

impl Mended {
    pub(crate) fn taken(&self) -> Vec<PostId> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

pub(crate) struct World {
    pub(crate) recent: Arc<Recent>,
    pub(crate) newest: Arc<Newest>,
    pub(crate) mender: Arc<Mended>,
    pub(crate) store: Arc<MemoryTruth>,
    pub(crate) live: Arc<MemoryLive>,
    pub(crate) index: Arc<MemoryIndex>,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) on_truth: Faults,
    pub(crate) on_posts: Faults,
    pub(crate) on_live: Faults,
    pub(crate) on_index: Faults,
    pub(crate) on_log: Faults,
    pub(crate) clock: ManualClock,
    pub(crate) scope: Scope,
    pub(crate) service: Arc<QueryService>,
    pub(crate) hub: Arc<EventHub>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) router: Router,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(QuerySettings::default())
    }

    pub(crate) fn with(settings: QuerySettings) -> Self {
        Self::build(settings, |posts| posts)
    }

    /// A reader that keeps posts for a minute, and does not hear that they have changed.
    pub(crate) fn keeping_posts() -> Self {
        let keep = |posts| Arc::new(CachedPosts::new(posts, Duration::from_secs(60), 1 << 20)) as _;
        Self::build(QuerySettings::default(), keep)
    }

    fn build(
        settings: QuerySettings,
        keep: impl FnOnce(Arc<dyn PostStore>) -> Arc<dyn PostStore>,
    ) -> Self {
        let (truth, posts) = {
            let store = Arc::new(MemoryTruth::new());
            (Arc::new(Faulty::around(Arc::clone(&store))), Arc::new(Faulty::around(store)))
        };
        let live = Arc::new(Faulty::new(MemoryLive::new()));
        let index = Arc::new(Faulty::new(MemoryIndex::new()));
        let log = Arc::new(Faulty::around(truth.inner().log()));
        let recent = Arc::new(Recent::new(Duration::from_secs(5)));
        let newest = Arc::new(Newest::default());
        let mender = Arc::new(Mended::default());
        let sources = Sources {
            live: live.clone(),
            truth: truth.clone(),
            index: index.clone(),
            posts: posts.clone(),
            kept_posts: keep(posts.clone()),
            recent: Some(recent.clone()),
            newest: Some(newest.clone()),
            mender: Some(mender.clone()),
        };
        let (clock, kinds) = (ManualClock::new(NOW), Arc::new(Kinds::default()));
        let observer = Arc::new(()) as Arc<dyn Observer>;
        let hub = Arc::new(EventHub::new(
            log.clone(),
            Arc::clone(&kinds),
            &settings,
            vec![recent.clone(), newest.clone()],
        ));
        let cursors = CursorKey::random().unwrap();
        let now = Arc::new(clock.clone());
        let service = Arc::new(QueryService::new(sources, kinds, now, cursors, settings, observer));
        let shutdown = CancellationToken::new();
        let queries = Queries {
            service: Arc::clone(&service),
            hub: Arc::clone(&hub),
            streams: EventStreams::new(&SseSettings::default(), shutdown.clone()),
        };
        Self {
            recent,
            newest,
            mender,
            store: Arc::clone(truth.inner()),
            live: Arc::clone(live.inner()),
            index: Arc::clone(index.inner()),
            log: Arc::clone(log.inner()),
            on_truth: truth.faults(),
            on_posts: posts.faults(),
            on_live: live.faults(),
            on_index: index.faults(),
            on_log: log.faults(),
            clock,
            scope: Scope::new(),
            router: gated(routes(queries).split_for_parts().0),
            service,
            hub,
            shutdown,
        }
    }

    pub(crate) fn post(&self, name: impl std::fmt::Display) -> PostId {
        self.scope.post(name)
    }

    /// Stores a post, everywhere.
    pub(crate) async fn add(&self, name: &str, title: &str, at: u64) {
        let post = self.scope.written(name, title, at);
        self.store.upsert(&post).await.unwrap();
        self.project(&post.id).await;
        self.index.put(&[post]);
        self.index.refresh().await.unwrap();
    }

    /// A user reacts in the truth alone.
    pub(crate) async fn react(&self, name: &str, user: impl std::fmt::Display, want: Option<Kind>) {
        let op = Operation::unkeyed(self.post(name), self.scope.user(user), want, NOW);
        self.store.apply(op).await.unwrap();
    }

    /// So many users like a post, and every copy learns of it.
    pub(crate) async fn like(&self, name: &str, users: std::ops::Range<usize>) {
        for user in users {
            self.react(name, user, Some(Kind(0))).await;
        }
        self.project(&self.post(name)).await;
    }

    /// Brings live and index up to the truth.
    pub(crate) async fn project(&self, post: &PostId) {
        let state = self.true_state(post).await;
        self.index.set_total(post, state.counts.total());
        self.live.merge(&[state]).await.unwrap();
    }

    pub(crate) async fn true_state(&self, post: &PostId) -> PostState {
        self.store.states(std::slice::from_ref(post)).await.unwrap().remove(0).unwrap()
    }

    pub(crate) fn set(&self, live: Health, index: Health, posts: Health, truth: Health) {
        let each = [(live, &self.on_live), (index, &self.on_index), (posts, &self.on_posts)];
        each.into_iter().chain([(truth, &self.on_truth)]).for_each(|(health, on)| health.set(on));
    }

    /// One page of a search.
    pub(crate) async fn page(&self, request: &SearchRequest) -> Result<SearchPage, QueryError> {
        self.service.search(request).await
    }

    /// The rest of the id of each post.
    pub(crate) fn names(&self, page: &SearchPage) -> Vec<String> {
        let prefix = format!("{}-", self.scope);
        let name = |id: &PostId| id.as_str().trim_start_matches(&prefix).to_owned();
        page.posts.iter().map(|(post, _)| name(&post.id)).collect()
    }

    pub(crate) async fn request(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Reads as the user, if one is named.
    pub(crate) async fn get(&self, path: &str, user: Option<usize>) -> Answer {
        let mut request = Request::get(path);
        if let Some(user) = user {
            request = request.header("x-user-id", self.scope.user(user).as_str());
        }
        Answer::of(self.request(request.body(Body::empty()).unwrap()).await).await
    }

    pub(crate) async fn get_if_changed(&self, path: &str, tag: &str) -> Answer {
        let request = Request::get(path).header("if-none-match", tag);
        Answer::of(self.request(request.body(Body::empty()).unwrap()).await).await
    }

    /// Reads several posts as user 0.
    pub(crate) async fn batch(&self, body: &Value) -> Answer {
        let request = Request::post("/v1/reactions:batchGet")
            .header("content-type", "application/json")
            .header("x-user-id", self.scope.user(0).as_str());
        Answer::of(self.request(request.body(body.to_string().into()).unwrap()).await).await
    }
}

fn gated(routes: Router) -> Router {
    let listen = "127.0.0.1:8080".parse().unwrap();
    let auth = Authenticator::new(&AuthSettings::default(), listen).unwrap();
    let limits =
        LimitSettings { writes_per_second: 0, requests_per_second: 0, ..LimitSettings::default() };
    Gate::new(auth, &limits).reads(routes)
}

/// A search for all posts.
pub(crate) fn all(sort: Sort, limit: usize) -> SearchRequest {
    SearchRequest { text: String::new(), sort, window: Window::All, limit, cursor: None }
}

/// A search for posts with words.
pub(crate) fn with_words(text: &str, sort: Sort, limit: usize) -> SearchRequest {
    SearchRequest { text: text.into(), ..all(sort, limit) }
}

/// The same search, behind a page.
pub(crate) fn behind(request: &SearchRequest, page: &SearchPage) -> Option<SearchRequest> {
    let cursor = Some(page.next_cursor.clone()?);
    Some(SearchRequest { cursor, ..request.clone() })
}

pub(crate) fn after(ms: u64) -> Millis {
    Millis(NOW.0 + ms)
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Self { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The status, the slug and the field of a problem.
    pub(crate) fn problem(&self) -> (u16, String, String) {
        let json = self.json();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let slug = text("type").trim_start_matches("/problems/").to_owned();
        (self.status.as_u16(), slug, text("field"))
    }
}

/// The answer, and the time that it took on the paused clock.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let answer = work.await;
    (answer, begun.elapsed())
}
