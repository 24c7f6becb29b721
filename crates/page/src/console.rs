//! What the console shows: how each service is, asked once for all who look.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use kudos_http::Problem;
use kudos_runtime::health::{Health, Report};
use kudos_runtime::metrics::MetricsText;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long one round is given out again: who looks costs nothing more while others look.
pub const SHARED_FOR: Duration = Duration::from_secs(1);

/// How long a service may take to say how it is.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// The metrics that the console shows: what begins so. The last one says what a service is.
const SHOWN: [&str; 3] = ["kudos_", "redis_", "target_info"];

/// Says how one service is, or several that one name stands for. Each call takes [`PATIENCE`] at
/// the most, and fails by saying so in what it returns.
#[async_trait]
pub trait Services: Send + Sync {
    /// How they are now.
    async fn ask(&self) -> Vec<Service>;
}

/// How one service is.
#[derive(Debug, Clone, Serialize)]
pub struct Service {
    /// What people call it.
    pub name: String,
    /// Whether it answers at all.
    pub up: bool,
    /// What did not answer, and why; for an operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// A [`Report`] as JSON, if it answered in time.
    pub readiness: Option<Box<RawValue>>,
    /// Lines of Prometheus text.
    pub metrics: String,
}

impl Service {
    /// One of which `metrics` and a report were asked. It is up if it has answered either.
    pub fn answered(
        name: String,
        metrics: Result<String, String>,
        readiness: Result<Box<RawValue>, String>,
    ) -> Self {
        let up = metrics.is_ok() || readiness.is_ok();
        let error = match (&metrics, &readiness) {
            (Ok(_), Ok(_)) => None,
            (Err(why), Ok(_)) => Some(format!("/metrics: {why}")),
            (Ok(_), Err(why)) => Some(format!("/readyz: {why}")),
            // Of two failures the first one tells enough.
            (Err(why), Err(_)) => Some(why.clone()),
        };
        let metrics = metrics.map(|text| shown(&text)).unwrap_or_default();
        Self { name, up, error, readiness: readiness.ok(), metrics }
    }
}

/// The lines that the console shows.
fn shown(text: &str) -> String {
    let lines = text.lines().filter(|line| SHOWN.iter().any(|family| line.starts_with(family)));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// This process alone.
pub struct Itself {
    name: String,
    health: Health,
    metrics: MetricsText,
}

impl Itself {
    /// The process that people call `name`.
    pub fn new(name: &str, health: &Health, metrics: &MetricsText) -> Self {
        Self { name: name.to_owned(), health: health.clone(), metrics: metrics.clone() }
    }

    async fn report(&self) -> Result<Box<RawValue>, String> {
        let late = || format!("its checks take longer than {} s", PATIENCE.as_secs());
        let report: Report =
            timeout(PATIENCE, self.health.report()).await.map_err(|_elapsed| late())?;
        serde_json::value::to_raw_value(&report).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Services for Itself {
    async fn ask(&self) -> Vec<Service> {
        let metrics = self.metrics.render().map_err(|error| error.to_string());
        vec![Service::answered(self.name.clone(), metrics, self.report().await)]
    }
}

/// All services at one moment.
#[derive(Debug, Serialize)]
struct Figures {
    /// When they were asked, in milliseconds since 1970.
    at: u64,
    services: Vec<Service>,
}

/// What the console asks. Clones share what was answered last.
#[derive(Clone)]
pub struct Console(Arc<Shared>);

struct Shared {
    services: Arc<dyn Services>,
    /// Held while a round is under way: who comes meanwhile waits for it.
    last: Mutex<Option<(Instant, Arc<Figures>)>>,
}

impl Console {
    /// One that shows these.
    pub fn new(services: Arc<dyn Services>) -> Self {
        Self(Arc::new(Shared { services, last: Mutex::default() }))
    }

    async fn figures(&self) -> Arc<Figures> {
        let mut last = self.0.last.lock().await;
        if let Some((at, figures)) = &*last
            && at.elapsed() < SHARED_FOR
        {
            return Arc::clone(figures);
        }
        let services = self.0.services.ask().await;
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let figures = Arc::new(Figures { at, services });
        *last = Some((Instant::now(), Arc::clone(&figures)));
        figures
    }
}

/// `GET /console/figures`. Meant for operators, as `/metrics` is: a public gateway blocks both.
pub(crate) async fn figures(State(console): State<Console>, headers: HeaderMap) -> Response {
    if is_foreign(&headers) {
        return Problem::NotFound.into_response();
    }
    let figures = console.figures().await;
    ([(CACHE_CONTROL, "no-store")], Json(&*figures)).into_response()
}

/// Whether another site's page asks, in the browser of somebody who may: origins that may call the
/// API are not meant to see this.
fn is_foreign(headers: &HeaderMap) -> bool {
    let from = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    from.is_some_and(|from| !matches!(from, b"same-origin" | b"none"))
}
