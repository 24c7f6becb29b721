//! Instruments, and the texts that Prometheus scrapes.

mod exemplars;
mod format;
mod latency;
mod openmetrics;

use opentelemetry::{global, metrics::Meter};
use prometheus::{Registry, TextEncoder};

pub use format::Format;
pub use latency::{Latency, latency_histogram};

/// The meter of all Kudos code. Ask for it after [`Telemetry::start`](crate::telemetry::Telemetry):
/// instruments made before that record nothing.
pub fn meter() -> Meter {
    global::meter("kudos")
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

    /// Collects all metrics now, as text that every scraper reads.
    ///
    /// # Errors
    /// If an instrument's values cannot be written, which names the metric.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        self.render_as(Format::Text)
    }

    /// Collects all metrics now.
    ///
    /// # Errors
    /// As [`MetricsText::render`].
    pub fn render_as(&self, format: Format) -> Result<String, prometheus::Error> {
        match format {
            Format::Text => TextEncoder::new().encode_to_string(&self.registry.gather()),
            Format::OpenMetrics => {
                let exemplars = exemplars::Kept::now();
                openmetrics::encode(&self.registry.gather(), &exemplars)
            }
        }
    }
}
