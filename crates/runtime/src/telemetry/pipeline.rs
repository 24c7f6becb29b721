//! From instruments and spans to Prometheus and, if an endpoint is set, to an OTLP collector.

use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
    trace::{Sampler, SdkTracerProvider},
};

use super::TelemetryError;
use crate::{metrics::MetricsText, settings::TelemetrySettings};

/// Exports spans in batches from a thread of its own, which a full queue never blocks on.
pub(super) fn tracers(
    resource: &Resource,
    settings: &TelemetrySettings,
) -> Result<Option<SdkTracerProvider>, TelemetryError> {
    let Some(endpoint) = &settings.otlp_endpoint else {
        return Ok(None);
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(signal(endpoint, "traces"))
        .build()?;
    let sampler = Sampler::TraceIdRatioBased(settings.sample_ratio);
    let tracers = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_sampler(Sampler::ParentBased(Box::new(sampler)))
        .with_batch_exporter(exporter)
        .build();
    Ok(Some(tracers))
}

/// Records metrics for scraping always, and sends them periodically if there is an endpoint.
pub(super) fn meters(
    resource: Resource,
    settings: &TelemetrySettings,
) -> Result<(SdkMeterProvider, MetricsText), TelemetryError> {
    let text = MetricsText::default();
    let prometheus = opentelemetry_prometheus::exporter()
        .with_registry(text.registry())
        .scope_info_enabled(false)
        .build()?;
    let mut builder = SdkMeterProvider::builder().with_resource(resource).with_reader(prometheus);
    if let Some(endpoint) = &settings.otlp_endpoint {
        let exporter = MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(signal(endpoint, "metrics"))
            .build()?;
        let reader =
            PeriodicReader::builder(exporter).with_interval(settings.metrics_interval).build();
        builder = builder.with_reader(reader);
    }
    Ok((builder.build(), text))
}

fn signal(endpoint: &str, signal: &str) -> String {
    format!("{}/v1/{signal}", endpoint.trim_end_matches('/'))
}
