//! The sections that every service's settings have.

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned, de::Error as _};
use tracing_subscriber::EnvFilter;

use crate::config::{InvalidSetting, duration};

/// All settings of a program: a plain struct with `#[serde(default)]`.
pub trait Settings: DeserializeOwned + Serialize + Default {
    /// Refuses settings that contradict each other, before anything is started.
    ///
    /// # Errors
    /// The key to change and why.
    fn validate(&self) -> Result<(), InvalidSetting> {
        Ok(())
    }
}

/// Settings of a service: they have the sections that every service has.
pub trait ServiceSettings: Settings + Send + 'static {
    /// These sections.
    fn base(&self) -> Base<'_>;
}

/// The sections that every service has.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// The `http` section.
    pub http: &'a HttpSettings,
    /// The `log` section.
    pub log: &'a LogSettings,
    /// The `telemetry` section.
    pub telemetry: &'a TelemetrySettings,
}

/// `[log]`: what is written to stderr, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogSettings {
    /// `json` for machines (one object a line), `pretty` for people.
    pub format: LogFormat,
    /// A filter such as `info` or `info,kudos_http=debug`.
    #[serde(deserialize_with = "filter")]
    pub level: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::Json, level: "info".to_owned() }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line, with `trace_id` and `span_id` inside of a trace.
    Json,
    /// Text with colours when stderr is a terminal and `NO_COLOR` is not set.
    Pretty,
}

/// `[telemetry]`: OpenTelemetry. Without an endpoint nothing leaves the process, and the metrics
/// are to be had at `/metrics` all the same. Request headers that a collector wants go into
/// OpenTelemetry's own variable `OTEL_EXPORTER_OTLP_HEADERS`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TelemetrySettings {
    /// The base URL of an OTLP/HTTP collector, such as `http://127.0.0.1:4318`.
    pub otlp_endpoint: Option<String>,
    /// The service's name in traces and metrics; that of the program if not given.
    pub service_name: Option<String>,
    /// The share of traces that are recorded, 0 to 1. A caller's own decision wins.
    #[serde(deserialize_with = "ratio")]
    pub sample_ratio: f64,
    /// How often metrics are sent to the collector.
    #[serde(with = "duration")]
    pub metrics_interval: Duration,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            service_name: None,
            sample_ratio: 1.0,
            metrics_interval: Duration::from_secs(30),
        }
    }
}

/// `[http]`: the listener and its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpSettings {
    /// The address to listen on. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The largest request body in bytes. The service's router enforces it.
    pub max_body_bytes: usize,
    /// The time a request may take until its answer begins. The service's router enforces it.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// Open connections at once; more wait in the system's accept queue.
    pub max_connections: NonZeroUsize,
    /// The time a client may take to send a request's headers, or to stay idle between requests.
    #[serde(with = "duration")]
    pub header_read_timeout: Duration,
    /// The time that requests and tasks get to finish once the service is asked to stop.
    #[serde(with = "duration")]
    pub shutdown_grace: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            max_body_bytes: 256 * 1024,
            request_timeout: Duration::from_secs(10),
            max_connections: const { NonZeroUsize::new(4096).expect("4096 is not zero") },
            header_read_timeout: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

fn filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match EnvFilter::builder().parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(D::Error::custom(format_args!(
            "`{text}` is not a log filter ({error}), expected one such as `info` or `info,kudos_http=debug`"
        ))),
    }
}

fn ratio<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let ratio = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&ratio) {
        Ok(ratio)
    } else {
        Err(D::Error::custom(format_args!("{ratio} is out of range, expected a share from 0 to 1")))
    }
}
