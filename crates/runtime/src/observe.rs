//! Counts what the degraded-mode client does: every fallback, miss and transition is a metric.

use kudos_degraded::{Observer, Reason, State};
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge},
};

use crate::metrics::meter;

/// An [`Observer`] whose events are OpenTelemetry metrics. Make it after telemetry has started.
pub struct Metered {
    fallbacks: Counter<u64>,
    missed: Counter<u64>,
    breakers: Gauge<u64>,
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
            breakers: meter
                .u64_gauge("kudos_breaker_open")
                .with_description("1 while the breaker of a node is not closed")
                .build(),
            retries: counter("kudos_retries", "Retries, by budget and whether it allowed them"),
            refused: counter("kudos_bulkhead_refusals", "Calls that found a bulkhead full"),
        }
    }
}

impl Default for Metered {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Metered {
    fn breaker_moved(&self, breaker: &str, to: State) {
        let open = u64::from(to != State::Closed);
        self.breakers.record(open, &[KeyValue::new("node", breaker.to_owned())]);
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
