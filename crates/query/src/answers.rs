//! Counts answers by where they come from, so that a share that is degraded can be seen.

use kudos_http::answer::Provenance;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;

/// The metric `kudos_answers`.
pub(crate) struct Answers(Counter<u64>);

impl Answers {
    pub(crate) fn new() -> Self {
        let meter = opentelemetry::global::meter("kudos");
        let answers = meter
            .u64_counter("kudos_answers")
            .with_description("Answers to reads, by question, source and whether degraded");
        Self(answers.build())
    }

    pub(crate) fn count(&self, asked: &'static str, from: Provenance) {
        let labels = [
            KeyValue::new("asked", asked),
            KeyValue::new("source", from.source.as_str()),
            KeyValue::new("degraded", from.degraded),
        ];
        self.0.add(1, &labels);
    }
}
