//! Instruments, and the text that Prometheus scrapes.

use opentelemetry::{
    global,
    metrics::{Histogram, Meter},
};
use prometheus::{Registry, TextEncoder};

/// The content type of [`MetricsText::render`]'s text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of latency buckets in seconds, 0.5 ms to 10 s: fine where budgets lie (40 ms for
/// best effort, 150 ms for a source, 400 ms for a search), coarse beyond.
pub const LATENCY_SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.075, 0.15, 0.25, 0.4, 0.75, 1.0, 2.5, 5.0,
    10.0,
];

/// The meter of all Kudos code. Ask for it after [`Telemetry::start`](crate::telemetry::Telemetry):
/// instruments made before that record nothing.
pub fn meter() -> Meter {
    global::meter("kudos")
}

/// A histogram of seconds with [`LATENCY_SECONDS`] as its buckets. Prometheus sees the name with
/// `_seconds` behind it: name it without a unit.
pub fn latency_histogram(name: &'static str, description: &'static str) -> Histogram<f64> {
    meter()
        .f64_histogram(name)
        .with_description(description)
        .with_unit("s")
        .with_boundaries(LATENCY_SECONDS.to_vec())
        .build()
}

/// Every metric of the process as Prometheus text. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct MetricsText {
    registry: Registry,
}

impl MetricsText {
    pub(crate) fn registry(&self) -> Registry {
        self.registry.clone()
    }

    /// Collects all metrics now.
    ///
    /// # Errors
    /// If an instrument's values cannot be written, which names the metric.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
