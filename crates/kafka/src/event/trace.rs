use opentelemetry::global;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt;
use rdkafka::message::{BorrowedHeaders, Header, Headers, OwnedHeaders};
use tracing::{Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The target of the spans of received events: enabled at debug level by who wants them.
const TARGET: &str = "kudos::event";
const TRACEPARENT: &str = "traceparent";

/// Headers that are added to.
struct Carrier(Option<OwnedHeaders>);

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        let headers = self.0.take();
        self.0 = headers.map(|headers| headers.insert(Header { key, value: Some(&value) }));
    }
}

/// Headers that are read.
struct Received<'a>(&'a BorrowedHeaders);

impl Extractor for Received<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let header = self.0.iter().find(|header| header.key == key)?;
        str::from_utf8(header.value?).ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|header| header.key).collect()
    }
}

/// Adds the trace that the current span belongs to, if it belongs to one.
pub(crate) fn inject(headers: OwnedHeaders) -> OwnedHeaders {
    let context = Span::current().context();
    if !context.span().span_context().is_valid() {
        return headers;
    }
    let mut carrier = Carrier(Some(headers));
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut carrier));
    // `set` puts back what it takes.
    carrier.0.unwrap_or_default()
}

/// Notes in the writer's trace that the event has arrived, if anybody wants to know.
pub(crate) fn received(headers: Option<&BorrowedHeaders>, partition: i32, offset: i64) {
    if !tracing::enabled!(target: TARGET, Level::DEBUG) {
        return;
    }
    let Some(headers) = headers.filter(|h| h.iter().any(|h| h.key == TRACEPARENT)) else {
        return;
    };
    let parent =
        global::get_text_map_propagator(|propagator| propagator.extract(&Received(headers)));
    let span = tracing::span!(
        target: TARGET,
        Level::DEBUG,
        "event received",
        otel.kind = "consumer",
        messaging.system = "kafka",
        messaging.destination.partition.id = partition,
        messaging.kafka.offset = offset,
    );
    // Fails where no OpenTelemetry layer listens: then there is no trace to continue.
    let _ = span.set_parent(parent);
    let _entered = span.enter();
}
