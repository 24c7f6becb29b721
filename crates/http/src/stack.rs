//! What happens around every request of a process: a trace, metrics, a time limit, panics turned
//! into problems, security headers, CORS, and problems for paths and methods that do not exist.

mod metrics;
mod pages;
mod trace;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use kudos_runtime::settings::HttpSettings;
use serde::{Deserialize, Serialize};
use tower_http::cors::{Any, CorsLayer};
use tracing::Instrument;

use crate::extract::{BodyLimit, DEFAULT_BODY_LIMIT};
use crate::problem::{Problem, method_not_allowed, not_found, panicked};
use metrics::RequestMetrics;

pub use pages::{PAGE_CSP, compressed};
pub use trace::TARGET as REQUEST_TARGET;

/// What surrounds every request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StackSettings {
    /// The most bytes of a request's body.
    pub body_limit_bytes: usize,
    /// The most time until an answer begins. Streams may go on for longer.
    #[serde(with = "kudos_runtime::config::duration")]
    pub request_timeout: Duration,
    /// Origins whose pages may call the API from a browser, such as `https://app.example`, or
    /// `*` for any. None by default.
    pub cors_origins: Vec<String>,
}

impl Default for StackSettings {
    fn default() -> Self {
        Self {
            body_limit_bytes: DEFAULT_BODY_LIMIT,
            request_timeout: Duration::from_secs(10),
            cors_origins: Vec::new(),
        }
    }
}

impl StackSettings {
    /// What a process is told about its listener, and the origins.
    pub fn new(http: &HttpSettings, cors_origins: &[String]) -> Self {
        Self {
            body_limit_bytes: http.max_body_bytes,
            request_timeout: http.request_timeout,
            cors_origins: cors_origins.to_vec(),
        }
    }
}

/// An origin that no header can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no origin; write it as https://app.example, or * for any")]
pub struct InvalidOrigin(pub String);

/// What surrounds every request. Made once, after the process has set its meter and tracer.
#[derive(Clone)]
pub struct Stack(Arc<Shared>);

struct Shared {
    body_limit: usize,
    timeout: Duration,
    cors: Option<CorsLayer>,
    metrics: RequestMetrics,
}

impl Stack {
    /// Checks the settings and keeps them.
    pub fn new(settings: &StackSettings) -> Result<Self, InvalidOrigin> {
        Ok(Self(Arc::new(Shared {
            body_limit: settings.body_limit_bytes,
            timeout: settings.request_timeout,
            cors: cors(&settings.cors_origins)?,
            metrics: RequestMetrics::new(),
        })))
    }

    /// Surrounds all routes of the process. Called once, last: what is added to the router later
    /// is not surrounded.
    pub fn wrap(&self, router: Router) -> Router {
        let router = router
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .layer(from_fn_with_state(self.clone(), surround));
        match &self.0.cors {
            Some(cors) => router.layer(cors.clone()),
            None => router,
        }
    }
}

async fn surround(State(stack): State<Stack>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let shared = &*stack.0;
    if shared.body_limit != DEFAULT_BODY_LIMIT {
        request.extensions_mut().insert(BodyLimit(shared.body_limit));
    }
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = trace::span(&request, route.as_ref());

    let answer = AssertUnwindSafe(tokio::time::timeout(shared.timeout, next.run(request)));
    let answer = answer.catch_unwind().instrument(span.clone()).await;
    let mut response = match answer {
        Ok(Ok(response)) => response,
        Ok(Err(_elapsed)) => Problem::Timeout.into_response(),
        Err(payload) => span.in_scope(|| panicked(&*payload)).into_response(),
    };

    trace::finish(&span, response.status());
    let route = route.as_ref().map(MatchedPath::as_str);
    let problem = response.extensions().get().copied();
    let (took, trace) = (begun.elapsed(), trace::recorded(&span));
    shared.metrics.record(&method, route, response.status(), problem, took, trace);
    pages::secure(&mut response);
    response
}

fn cors(origins: &[String]) -> Result<Option<CorsLayer>, InvalidOrigin> {
    if origins.is_empty() {
        return Ok(None);
    }
    let methods = [Method::GET, Method::PUT, Method::POST, Method::DELETE];
    let sent = ["authorization", "content-type", "idempotency-key", "if-none-match", "x-user-id"];
    let shown = ["etag", "ratelimit", "ratelimit-policy", "retry-after"];
    let layer = CorsLayer::new()
        .allow_methods(methods)
        .allow_headers(sent.map(HeaderName::from_static))
        .expose_headers(shown.map(HeaderName::from_static))
        .max_age(Duration::from_secs(3600));
    if origins.iter().any(|origin| origin == "*") {
        return Ok(Some(layer.allow_origin(Any)));
    }
    let origins = origins.iter().map(|origin| parse_origin(origin));
    let origins = origins.collect::<Result<Vec<HeaderValue>, _>>()?;
    Ok(Some(layer.allow_origin(origins)))
}

/// A scheme and an authority: what a browser sends as `Origin`, which has no path.
fn parse_origin(text: &str) -> Result<HeaderValue, InvalidOrigin> {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match authority {
        Some(host) if !host.is_empty() && !host.contains(['/', ' ', '*']) => {
            HeaderValue::from_str(text).map_err(|_| InvalidOrigin(text.to_owned()))
        }
        _ => Err(InvalidOrigin(text.to_owned())),
    }
}
