//! Logs, traces and metrics, started once per process and flushed at its end.

mod log_format;
mod pipeline;

use std::{io::IsTerminal, sync::mpsc, thread, time::Duration};

use opentelemetry::{global, trace::TracerProvider};
use opentelemetry_sdk::{
    Resource, error::OTelSdkError, metrics::SdkMeterProvider, propagation::TraceContextPropagator,
    trace::SdkTracerProvider,
};
use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, filter::ParseError, layer::SubscriberExt, registry::LookupSpan,
    util::SubscriberInitExt, util::TryInitError,
};

use crate::{
    metrics::MetricsText,
    settings::{LogFormat, LogSettings, TelemetrySettings},
    tls,
};

/// Why telemetry could not be started: each is a mistake in the configuration or in the program.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// `log.level` is not a filter.
    #[error("setting `log.level` is not a log filter")]
    Filter(#[from] ParseError),
    /// An exporter could not be built, as a rule because of `telemetry.otlp_endpoint`.
    #[error("cannot export to the OTLP collector (setting `telemetry.otlp_endpoint`)")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The Prometheus registry refused the exporter.
    #[error("cannot collect metrics")]
    Metrics(#[from] OTelSdkError),
    /// Telemetry was started twice in one process.
    #[error("logging is already started")]
    AlreadyStarted(#[from] TryInitError),
}

/// What was still unsent when the time for the last flush was over.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FlushError {
    /// The collector did not take everything in time.
    #[error("the OTLP collector did not take the last telemetry within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    /// The collector refused it.
    #[error("the last telemetry was not sent")]
    Failed(#[from] OTelSdkError),
}

/// The process's telemetry. Keep it until the end and then [`Telemetry::stop`] it, outside of the
/// async runtime.
#[derive(Debug)]
pub struct Telemetry {
    metrics: MetricsText,
    meters: SdkMeterProvider,
    tracers: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Starts logging to stderr, metrics, the W3C trace context and, if an OTLP endpoint is set,
    /// exporting. `name` is the service's name unless the settings give another.
    ///
    /// # Errors
    /// [`TelemetryError`]; a second start in one process is one.
    pub fn start(
        name: &'static str,
        log: &LogSettings,
        settings: &TelemetrySettings,
    ) -> Result<Self, TelemetryError> {
        tls::install();
        let name = settings.service_name.clone().unwrap_or_else(|| name.into());
        let resource = Resource::builder().with_service_name(name).build();
        let tracers = pipeline::tracers(&resource, settings)?;
        let (meters, metrics) = pipeline::meters(resource, settings)?;
        let traces = tracers
            .as_ref()
            .map(|tracers| tracing_opentelemetry::layer().with_tracer(tracers.tracer("kudos")));
        // Before the subscriber: the library announces each of these with a log line.
        global::set_text_map_propagator(TraceContextPropagator::new());
        global::set_meter_provider(meters.clone());
        if let Some(tracers) = &tracers {
            global::set_tracer_provider(tracers.clone());
        }
        let logged = EnvFilter::builder().parse(&log.level)?;
        // Spans of requests are below the level of logs: only traces want them.
        let traced = EnvFilter::builder().parse(format!("{},kudos::request=debug", log.level))?;
        tracing_subscriber::registry()
            .with(traces.map(|traces| traces.with_filter(traced)))
            .with(log_layer(log.format).with_filter(logged))
            .try_init()?;
        Ok(Self { metrics, meters, tracers })
    }

    /// The metrics for `/metrics`.
    pub fn metrics(&self) -> MetricsText {
        self.metrics.clone()
    }

    /// Sends what is left to the collector and ends exporting, within `limit`.
    ///
    /// # Errors
    /// [`FlushError`] if the collector is slower or refuses.
    pub fn stop(self, limit: Duration) -> Result<(), FlushError> {
        let (done, result) = mpsc::sync_channel(1);
        // The providers' own limits add up, and metrics have none: a thread can be left behind.
        thread::spawn(move || {
            let traces =
                self.tracers.map_or(Ok(()), |tracers| tracers.shutdown_with_timeout(limit));
            let metrics = self.meters.shutdown_with_timeout(limit);
            // Nobody listens any more if the time is over.
            let _ = done.send(traces.and(metrics));
        });
        match result.recv_timeout(limit) {
            Ok(flushed) => Ok(flushed?),
            Err(_) => Err(FlushError::Timeout(limit)),
        }
    }
}

fn log_layer<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Json => {
            layer.json().flatten_event(true).map_event_format(log_format::WithTraceIds).boxed()
        }
        LogFormat::Pretty => layer.with_ansi(colours()).boxed(),
    }
}

fn colours() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && std::io::stderr().is_terminal()
}
