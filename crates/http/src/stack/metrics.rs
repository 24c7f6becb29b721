//! Request durations, by route.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use kudos_runtime::metrics::{Latency, latency_histogram};
use opentelemetry::KeyValue;
use opentelemetry::trace::TraceId;

use crate::problem::ProblemType;

/// Bounds in seconds: from a cached like to a request that ran into its limit.
const BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The histogram `http.server.request.duration`. Its labels are bounded: route templates, known
/// methods, classes of status, and types of problem.
pub(super) struct RequestMetrics(Latency);

impl RequestMetrics {
    pub(super) fn new() -> Self {
        Self(latency_histogram(
            "http.server.request.duration",
            "Time from a request's arrival to the beginning of its answer.",
            &BOUNDS,
        ))
    }

    pub(super) fn record(
        &self,
        method: &Method,
        route: Option<&str>,
        status: StatusCode,
        problem: Option<ProblemType>,
        took: Duration,
        trace: Option<TraceId>,
    ) {
        let route = route.unwrap_or("(none)").to_owned();
        let labels = [
            KeyValue::new("http.request.method", known(method)),
            KeyValue::new("http.route", route),
            KeyValue::new("http.response.status_class", class(status)),
            KeyValue::new("error.type", problem.map_or("", ProblemType::slug)),
        ];
        let used = if problem.is_some() { 4 } else { 3 };
        self.0.record(took, &labels[..used], trace);
    }
}

/// The method, unless a client made it up.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "PUT" => "PUT",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "_OTHER",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
