use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;

use super::report::Drift;

/// What the auditor counts.
pub(super) struct Metrics {
    audited: Counter<u64>,
    drift: Counter<u64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let meter = opentelemetry::global::meter("kudos");
        let counter = |name: &'static str, what: &'static str| {
            meter.u64_counter(name).with_description(what).build()
        };
        Self {
            audited: counter("kudos_audited_posts", "Posts whose copies were compared"),
            drift: counter("kudos_drift", "Posts of which a copy differed, by copy and kind"),
        }
    }

    pub(super) fn audited(&self, posts: usize) {
        self.audited.add(posts as u64, &[]);
    }

    pub(super) fn drifted(&self, copy: &str, drift: Drift, repaired: bool) {
        let labels = [
            KeyValue::new("copy", copy.to_owned()),
            KeyValue::new("kind", drift.as_str()),
            KeyValue::new("repaired", repaired),
        ];
        self.drift.add(1, &labels);
    }
}
