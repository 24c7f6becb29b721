use std::time::Duration;

use kudos_core::Millis;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram};

/// Upper bounds of the lag in seconds: fine where a projection keeps up, coarse where it recovers.
const LAG_SECONDS: [f64; 14] =
    [0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0];

/// What the projector counts, by projection.
pub(super) struct Metrics {
    flushed: Counter<u64>,
    refused: Counter<u64>,
    failed: Counter<u64>,
    pending: Gauge<u64>,
    lag: Histogram<f64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let meter = opentelemetry::global::meter("kudos");
        let counter = |name: &'static str, what: &'static str| {
            meter.u64_counter(name).with_description(what).build()
        };
        let lag = meter
            .f64_histogram("kudos_projection_lag")
            .with_description("From the log to a copy in the projection")
            .with_unit("s")
            .with_boundaries(LAG_SECONDS.to_vec());
        let pending = meter
            .u64_gauge("kudos_projection_pending")
            .with_description("Posts that the projection has to learn");
        Self {
            flushed: counter("kudos_projection_flushed", "Posts that the projection holds now"),
            refused: counter("kudos_projection_refused", "Posts that the projection refused"),
            failed: counter("kudos_projection_failures", "Posts to be sent again, by reason"),
            pending: pending.build(),
            lag: lag.build(),
        }
    }

    pub(super) fn flushed(&self, projection: &'static str, since: Millis, now: Millis) {
        let labels = [KeyValue::new("projection", projection)];
        self.flushed.add(1, &labels);
        let lag = Duration::from_millis(now.0.saturating_sub(since.0));
        self.lag.record(lag.as_secs_f64(), &labels);
    }

    pub(super) fn refused(&self, projection: &'static str) {
        self.refused.add(1, &[KeyValue::new("projection", projection)]);
    }

    pub(super) fn failed(&self, projection: &'static str, reason: &'static str, posts: u64) {
        let labels = [KeyValue::new("projection", projection), KeyValue::new("reason", reason)];
        self.failed.add(posts, &labels);
    }

    pub(super) fn pending(&self, projection: &'static str, posts: usize) {
        self.pending.record(posts as u64, &[KeyValue::new("projection", projection)]);
    }
}
