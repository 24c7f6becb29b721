//! A writer on backends in memory, each behind faults of its own, and its router behind the gate.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use kudos_core::ports::{LiveCounts, OutageJournal, PostStore, ReactionStore, Ticket};
use kudos_core::{Kind, Kinds, Operation, PortError, PostId, PostState, UserId};
use kudos_degraded::Observer;
use kudos_http::auth::{AuthSettings, Authenticator};
use kudos_http::gate::Gate;
use kudos_http::limit::LimitSettings;
use kudos_http::problem::ProblemDocument;
use kudos_projection::{Deliveries, LiveSink, LogSink, Sink};
use kudos_testkit::scope::NOW;
use kudos_testkit::{Faults, Faulty, ManualClock, MemoryLive, MemoryLog, MemoryTruth, Scope};
use kudos_write::{WriteService, WriteSettings, routes};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant;
use tower::ServiceExt;

/// Everything that the journal was told, in order.
#[derive(Default)]
pub(crate) struct Journal {
    covered: Mutex<Vec<PostId>>,
    misses: Mutex<Vec<(&'static str, PostId)>>,
    doubts: AtomicUsize,
    ended: AtomicUsize,
}

#[async_trait]
impl OutageJournal for Journal {
    async fn cover(&self, post: &PostId) -> Result<Ticket, PortError> {
        let mut covered = self.covered.lock().unwrap();
        covered.push(post.clone());
        Ok(Ticket(covered.len() as u64 - 1))
    }

    fn missed(&self, ticket: Ticket, sink: &'static str) {
        let post = self.covered.lock().unwrap()[ticket.0 as usize].clone();
        self.misses.lock().unwrap().push((sink, post));
    }

    fn in_doubt(&self, _: Ticket) {
        self.doubts.fetch_add(1, Ordering::Relaxed);
    }

    fn end(&self, _: Ticket) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
}

impl Journal {
    /// The sinks that missed something of one post. Every ticket has ended by now.
    pub(crate) fn of(&self, post: &PostId) -> Vec<&'static str> {
        let misses = self.misses.lock().unwrap();
        assert_eq!(self.ended.load(Ordering::Relaxed), self.covered.lock().unwrap().len());
        let of_post = misses.iter().filter(|(_, missed)| missed == post);
        let mut found: Vec<_> = of_post.map(|&(sink, _)| sink).collect();
        found.sort_unstable();
        found
    }

    /// How often it was told that a commit is in doubt.
    pub(crate) fn doubts(&self) -> usize {
        self.doubts.load(Ordering::Relaxed)
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<MemoryTruth>,
    pub(crate) live: Arc<MemoryLive>,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) on_truth: Faults,
    pub(crate) on_posts: Faults,
    pub(crate) on_live: Faults,
    pub(crate) on_log: Faults,
    pub(crate) journal: Arc<Journal>,
    pub(crate) clock: ManualClock,
    pub(crate) scope: Scope,
    pub(crate) service: Arc<WriteService>,
    pub(crate) router: Router,
}

impl World {
    /// A writer with the default settings, in which the post `p` is known.
    pub(crate) async fn new() -> Self {
        Self::with(WriteSettings::default(), AuthSettings::default()).await
    }

    pub(crate) async fn with(settings: WriteSettings, auth: AuthSettings) -> Self {
        let (truth, posts) = {
            let store = Arc::new(MemoryTruth::new());
            (Arc::new(Faulty::around(Arc::clone(&store))), Arc::new(Faulty::around(store)))
        };
        let live = Arc::new(Faulty::new(MemoryLive::new()));
        let log = Arc::new(Faulty::new(MemoryLog::new()));
        let journal = Arc::new(Journal::default());
        let sinks: Vec<Arc<dyn Sink>> =
            vec![Arc::new(LiveSink(live.clone())), Arc::new(LogSink(log.clone()))];
        let observer: Arc<dyn Observer> = Arc::new(());
        let deliveries = Deliveries::new(
            sinks,
            journal.clone(),
            truth.inner().clone(),
            settings.sinks_budget(),
            &observer,
        );
        let (clock, kinds) = (ManualClock::new(NOW), Arc::new(Kinds::default()));
        let service = Arc::new(WriteService::new(
            truth.clone(),
            posts.clone(),
            deliveries,
            kinds,
            Arc::new(clock.clone()),
            settings,
        ));
        let world = Self {
            store: Arc::clone(truth.inner()),
            live: Arc::clone(live.inner()),
            log: Arc::clone(log.inner()),
            on_truth: truth.faults(),
            on_posts: posts.faults(),
            on_live: live.faults(),
            on_log: log.faults(),
            journal,
            clock,
            scope: Scope::new(),
            router: gated(routes(Arc::clone(&service)).split_for_parts().0, &auth),
            service,
        };
        world.store.upsert(&world.scope.written("p", "A post", 0)).await.unwrap();
        world
    }

    pub(crate) fn post(&self) -> PostId {
        self.scope.post("p")
    }

    /// A request of a user on the post `p`.
    pub(crate) fn op(&self, key: &str, user: &str, want: Option<Kind>) -> Operation {
        self.scope.op(key, "p", user, want)
    }

    /// What the truth holds of the post `p`.
    pub(crate) async fn true_state(&self) -> PostState {
        self.store.states(&[self.post()]).await.unwrap().remove(0).unwrap()
    }

    /// What the live counts hold of the post `p`.
    pub(crate) async fn live_state(&self) -> Option<PostState> {
        self.live.states(&[self.post()]).await.unwrap().remove(0)
    }

    /// Sends a request as the user `u`.
    pub(crate) async fn send(&self, method: Method, path: &str, send: Sent<'_>) -> Answer {
        let user: UserId = self.scope.user("u");
        let mut request = Request::builder().method(method).uri(path);
        if !send.anonymous {
            request = request.header("x-user-id", user.as_str());
        }
        if let Some(key) = send.key {
            request = request.header("idempotency-key", key);
        }
        let request = match send.body {
            Some(json) => request.header("content-type", "application/json").body(json.into()),
            None => request.body(Body::empty()),
        };
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn put(&self, path: &str, key: Option<&str>) -> Answer {
        self.send(Method::PUT, path, Sent { key, ..Sent::default() }).await
    }

    pub(crate) async fn delete(&self, path: &str, key: Option<&str>) -> Answer {
        self.send(Method::DELETE, path, Sent { key, ..Sent::default() }).await
    }

    /// Stores a post by its JSON.
    pub(crate) async fn store(&self, post: &PostId, json: impl Into<String>) -> Answer {
        let sent = Sent { body: Some(json.into()), ..Sent::default() };
        self.send(Method::PUT, &format!("/v1/posts/{post}"), sent).await
    }

    /// Where the user reacts to the post `p`.
    pub(crate) fn reaction(&self, kind: &str) -> String {
        format!("/v1/posts/{}/reactions/{kind}/@me", self.post())
    }

    /// Where the user takes the reaction to the post `p` back.
    pub(crate) fn no_reaction(&self) -> String {
        format!("/v1/posts/{}/reactions/@me", self.post())
    }
}

fn gated(routes: Router, auth: &AuthSettings) -> Router {
    let listen = "127.0.0.1:8080".parse().unwrap();
    let limits =
        LimitSettings { writes_per_second: 0, requests_per_second: 0, ..LimitSettings::default() };
    Gate::new(Authenticator::new(auth, listen).unwrap(), &limits).writes(routes)
}

/// What a request carries.
#[derive(Default)]
pub(crate) struct Sent<'a> {
    pub(crate) key: Option<&'a str>,
    pub(crate) body: Option<String>,
    pub(crate) anonymous: bool,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The status, the slug and the field of a problem.
    pub(crate) fn problem(&self) -> (u16, String, String) {
        let problem: ProblemDocument = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let slug = problem.kind.trim_start_matches("/problems/").to_owned();
        (self.status.as_u16(), slug, problem.field.unwrap_or_default().into_owned())
    }

    /// The seconds after which a retry helps.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        Some(self.headers.get("retry-after")?.to_str().unwrap().parse().unwrap())
    }
}

/// The answer, and the time that it took on the paused clock.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let answer = work.await;
    (answer, begun.elapsed())
}
