//! Counts what the degraded-mode client does: every fallback, miss and transition is a metric.

use std::{collections::BTreeMap, sync::Arc};

use kudos_degraded::{Observer, Reason, State};
use opentelemetry::{KeyValue, metrics::Counter};
use parking_lot::Mutex;

use crate::metrics::meter;

/// Of each breaker that ever moved, by node, whether it is open. Nodes that left are not in it: a gauge
/// that is only ever set would show them as they were last, for ever.
type Breakers = Mutex<BTreeMap<Box<str>, bool>>;

/// An [`Observer`] whose events are OpenTelemetry metrics. Make it after telemetry has started.
pub struct Metered {
    fallbacks: Counter<u64>,
    missed: Counter<u64>,
    breakers: Arc<Breakers>,
    retries: Counter<u64>,
    refused: Counter<u64>,
}

impl Metered {
    /// Instruments of the process's meter.
    pub fn new() -> Self {
        let meter = meter();
        let counter = |name: &'static str, description: &'static str| {
            meter.u64_counter(name).with_description(description).build()
        };
        Self {
            fallbacks: counter("kudos_fallbacks", "Sources passed over, by chain and reason"),
            missed: counter("kudos_deliveries_missed", "Deliveries that a sink did not confirm"),
            breakers: shown_breakers(),
            retries: counter("kudos_retries", "Retries, by budget and whether it allowed them"),
            refused: counter("kudos_bulkhead_refusals", "Calls that found a bulkhead full"),
        }
    }
}

/// Shown for as long as they are kept.
fn shown_breakers() -> Arc<Breakers> {
    let breakers = Arc::new(Breakers::default());
    let shown = Arc::downgrade(&breakers);
    meter()
        .u64_observable_gauge("kudos_breaker_open")
        .with_description("1 while the breaker of a node is not closed")
        .with_callback(move |observer| {
            let breakers = shown.upgrade();
            for (node, open) in breakers.iter().flat_map(|breakers| breakers.lock().clone()) {
                observer.observe(u64::from(open), &[KeyValue::new("node", String::from(node))]);
            }
        })
        .build();
    breakers
}

impl Default for Metered {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Metered {
    fn breaker_moved(&self, breaker: &str, to: State) {
        self.breakers.lock().insert(breaker.into(), to != State::Closed);
    }

    fn breaker_gone(&self, breaker: &str) {
        self.breakers.lock().remove(breaker);
    }

    fn fallback_taken(&self, chain: &'static str, source: &'static str, reason: Reason) {
        let labels = [
            KeyValue::new("chain", chain),
            KeyValue::new("source", source),
            KeyValue::new("reason", reason.as_str()),
        ];
        self.fallbacks.add(1, &labels);
    }

    fn delivery_missed(&self, sink: &'static str, reason: Reason) {
        let labels = [KeyValue::new("sink", sink), KeyValue::new("reason", reason.as_str())];
        self.missed.add(1, &labels);
    }

    fn retried(&self, budget: &'static str) {
        self.retries.add(1, &[KeyValue::new("budget", budget), KeyValue::new("allowed", true)]);
    }

    fn retry_refused(&self, budget: &'static str) {
        self.retries.add(1, &[KeyValue::new("budget", budget), KeyValue::new("allowed", false)]);
    }

    fn bulkhead_refused(&self, bulkhead: &'static str) {
        self.refused.add(1, &[KeyValue::new("bulkhead", bulkhead)]);
    }
}
