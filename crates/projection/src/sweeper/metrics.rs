use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge};

/// What the sweeper counts.
pub(super) struct Metrics {
    delivered: Counter<u64>,
    failed: Counter<u64>,
    due: Gauge<u64>,
    age: Gauge<f64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let meter = opentelemetry::global::meter("kudos");
        let counter = |name: &'static str, what: &'static str| {
            meter.u64_counter(name).with_description(what).build()
        };
        let due = meter
            .u64_gauge("kudos_journal_due")
            .with_description("Windows of the outage journal that have to be delivered");
        let age = meter
            .f64_gauge("kudos_journal_age")
            .with_description("How long the oldest window has been waiting for delivery")
            .with_unit("s");
        Self {
            delivered: counter("kudos_journal_delivered", "Posts delivered to a sink"),
            failed: counter("kudos_journal_failures", "Deliveries to a sink that failed"),
            due: due.build(),
            age: age.build(),
        }
    }

    pub(super) fn due(&self, windows: usize, oldest: Duration) {
        self.due.record(windows as u64, &[]);
        self.age.record(oldest.as_secs_f64(), &[]);
    }

    pub(super) fn delivered(&self, sink: &'static str, posts: usize) {
        self.delivered.add(posts as u64, &[KeyValue::new("sink", sink)]);
    }

    pub(super) fn failed(&self, sink: &'static str, reason: &'static str) {
        let labels = [KeyValue::new("sink", sink), KeyValue::new("reason", reason)];
        self.failed.add(1, &labels);
    }
}
