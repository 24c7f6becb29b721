//! Histograms of seconds whose buckets name a trace.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use opentelemetry::{KeyValue, metrics::Histogram, trace::TraceId};

use super::{
    exemplars::{Exemplar, Exemplars},
    meter,
};

/// A histogram of seconds. A scraper that reads OpenMetrics gets, with each bucket, the last trace
/// that fell into it.
pub struct Latency {
    histogram: Histogram<f64>,
    exemplars: Arc<Exemplars>,
}

/// A histogram of seconds with `bounds` as the upper bounds of its buckets. Prometheus sees the name
/// with `_seconds` behind it: name it without a unit.
pub fn latency_histogram(name: &'static str, description: &'static str, bounds: &[f64]) -> Latency {
    let histogram = meter()
        .f64_histogram(name)
        .with_description(description)
        .with_unit("s")
        .with_boundaries(bounds.to_vec())
        .build();
    let family = format!("{}_seconds", name.replace('.', "_"));
    Latency { histogram, exemplars: Exemplars::of(family, bounds) }
}

impl Latency {
    /// Counts what took so long. `trace` is the trace to look at, and is given only if it is recorded.
    /// Label sets are bounded, and each is always written in one order.
    pub fn record(&self, took: Duration, labels: &[KeyValue], trace: Option<TraceId>) {
        let seconds = took.as_secs_f64();
        // Counted first: whoever sees the exemplar sees its sample too.
        self.histogram.record(seconds, labels);
        if let Some(trace) = trace {
            self.exemplars.keep(labels, Exemplar { trace, seconds, at: SystemTime::now() });
        }
    }
}
