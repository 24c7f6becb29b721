//! `/livez`, `/readyz` and `/metrics`.

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Health, Readiness};
use crate::metrics::{Format, MetricsText};

/// The routes that an orchestrator and Prometheus ask.
///
/// - `GET /livez`: 200 `ok`, always.
/// - `GET /readyz`: 200 `ready` or `degraded`, 503 `not ready`. With `?verbose` the same status and
///   a JSON [`Report`](super::Report). Its reasons are meant for operators: keep the listener off
///   the public network or do not route this path.
/// - `GET /metrics`: Prometheus text, or OpenMetrics with exemplars for those who accept it.
pub fn routes(health: Health, metrics: MetricsText) -> Router {
    Router::new()
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(readyz).with_state(health))
        .route("/metrics", get(metrics_text).with_state(metrics))
}

async fn readyz(State(health): State<Health>, RawQuery(query): RawQuery) -> Response {
    let report = health.report().await;
    let (status, word) = match report.readiness {
        Readiness::Ready => (StatusCode::OK, "ready"),
        Readiness::Degraded => (StatusCode::OK, "degraded"),
        Readiness::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let never_stored = [(header::CACHE_CONTROL, "no-store")];
    if is_verbose(query.as_deref()) {
        (status, never_stored, Json(report)).into_response()
    } else {
        (status, never_stored, word).into_response()
    }
}

fn is_verbose(query: Option<&str>) -> bool {
    let mut parts = query.unwrap_or_default().split('&');
    parts.any(|part| part.split('=').next() == Some("verbose"))
}

async fn metrics_text(State(metrics): State<MetricsText>, headers: HeaderMap) -> Response {
    let format = Format::accepted(&headers);
    match metrics.render_as(format) {
        Ok(text) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
