//! One span per request, as part of the caller's trace.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, StatusCode};
use opentelemetry::global;
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::{TraceContextExt, TraceId};
use tracing::{Level, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The target of request spans: a subscriber that wants them enables it at debug level. Spans that
/// nobody wants cost one comparison.
pub const TARGET: &str = "kudos::request";

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}

/// The span of a request, under the client's span if its `traceparent` header names one.
pub(super) fn span(request: &Request, route: Option<&MatchedPath>) -> Span {
    let route = route.map_or("", MatchedPath::as_str);
    let span = tracing::span!(
        target: TARGET,
        Level::DEBUG,
        "request",
        otel.kind = "server",
        otel.name = field::Empty,
        otel.status_code = field::Empty,
        http.request.method = %request.method(),
        http.route = route,
        http.response.status_code = field::Empty,
    );
    if span.is_disabled() {
        return span;
    }
    span.record("otel.name", format_args!("{} {route}", request.method()));
    if request.headers().contains_key("traceparent") {
        let parent = global::get_text_map_propagator(|propagator| {
            propagator.extract(&Headers(request.headers()))
        });
        // Fails where no OpenTelemetry layer listens: then there is no trace to continue.
        let _ = span.set_parent(parent);
    }
    span
}

/// The trace of a request, if it is recorded: one that is not cannot be looked at.
pub(super) fn recorded(span: &Span) -> Option<TraceId> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let span = context.span();
    let context = span.span_context();
    (context.is_valid() && context.is_sampled()).then(|| context.trace_id())
}

/// Notes how the request ended.
pub(super) fn finish(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}
