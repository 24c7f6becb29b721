//! A server that answers as a test tells it, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use kudos_core::{Counts, Kinds, Millis, Post, PostId, PostState, Snapshot, Version};
use kudos_elastic::{Elastic, ElasticSettings};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// One request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    /// The ids of the documents of a bulk request.
    pub(crate) fn ids(&self) -> Vec<String> {
        let lines = self.body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let id = |line: Value| line["index"]["_id"].as_str().map(str::to_owned);
        lines.filter_map(id).collect()
    }
}

/// The answers; none to leave the client waiting.
type Answers = dyn Fn(&Asked) -> Option<(u16, Value)> + Send + Sync;

/// A running stand-in; it ends with its runtime.
pub(crate) struct StandIn {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    pub(crate) async fn start(
        answers: impl Fn(&Asked) -> Option<(u16, Value)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::default();
        let app = app(Arc::clone(&asked), Arc::new(answers));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// What answers each request by `answers`, and notes it in `asked`.
pub(crate) fn app(asked: Arc<Mutex<Vec<Asked>>>, answers: Arc<Answers>) -> Router {
    Router::new().fallback(async move |request: Request| {
        let request = read(request).await;
        asked.lock().unwrap().push(request.clone());
        match answers(&request) {
            Some((status, body)) => respond(status, &body),
            None => std::future::pending().await,
        }
    })
}

async fn read(request: Request) -> Asked {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

fn respond(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
}

/// Settings for these nodes, with short times.
pub(crate) fn settings(nodes: &[&StandIn]) -> ElasticSettings {
    ElasticSettings {
        urls: nodes.iter().map(|node| node.url.clone()).collect(),
        search_ms: 90,
        bulk_ms: 3_000,
        admin_ms: 3_000,
        ..ElasticSettings::default()
    }
}

pub(crate) fn elastic(settings: &ElasticSettings) -> Elastic {
    Elastic::new(settings, Kinds::default(), Arc::new(())).unwrap()
}

/// Snapshots of the posts `p0`, `p1`, ….
pub(crate) fn snapshots(count: usize) -> Vec<Snapshot> {
    let snapshot = |n: usize| {
        let id = PostId::new(&format!("p{n}")).unwrap();
        let (title, body, author) = ("apple".to_owned(), "pear".to_owned(), "ann".to_owned());
        let created_at = Millis(7);
        let post = Post { id: id.clone(), title, body, author, created_at };
        let (version, counts, as_of) = (Version(1), Counts::new(), Millis(9));
        let state = PostState { post: id, created_at, version, counts, as_of };
        Snapshot { post, hidden: false, revision: 1, state }
    };
    (0..count).map(snapshot).collect()
}

/// An answer to a bulk request with these items.
pub(crate) fn items(outcomes: impl IntoIterator<Item = (u16, &'static str)>) -> (u16, Value) {
    let item = |(status, kind): (u16, &str)| match status {
        200..300 => json!({"index": {"status": status}}),
        _ => json!({"index": {"status": status, "error": {"type": kind, "reason": "because"}}}),
    };
    (200, json!({"items": outcomes.into_iter().map(item).collect::<Vec<_>>()}))
}

/// An answer that refuses the whole request.
pub(crate) fn refusal(status: u16, kind: &str) -> (u16, Value) {
    (status, json!({"error": {"type": kind, "reason": "because"}, "status": status}))
}

/// An answer to a search that found nothing.
pub(crate) fn nothing_found() -> (u16, Value) {
    (200, json!({"timed_out": false, "_shards": {"total": 1, "failed": 0}}))
}
