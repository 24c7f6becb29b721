//! One way to start for every Kudos program.
//!
//! A service has a settings type with the sections of [`settings`], and a `main` that hands
//! [`start`](start::start) its name, the [`Sources`](config::Sources) of its settings and what to
//! run. It gets a [`Context`](start::Context): settings, a [`Shutdown`](shutdown::Shutdown) that
//! begins at SIGTERM, a [`Health`](health::Health) to register checks with, and metrics.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use axum::{Router, routing::get};
//! use kudos_runtime::{
//!     config::Sources,
//!     settings::{self, Base, HttpSettings, LogSettings, ServiceSettings, TelemetrySettings},
//!     start::{BoxError, Context, start},
//! };
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize)]
//! #[serde(default)]
//! struct Settings {
//!     log: LogSettings,
//!     telemetry: TelemetrySettings,
//!     http: HttpSettings,
//! }
//!
//! impl settings::Settings for Settings {}
//!
//! impl ServiceSettings for Settings {
//!     fn base(&self) -> Base<'_> {
//!         Base { http: &self.http, log: &self.log, telemetry: &self.telemetry }
//!     }
//! }
//!
//! async fn run(context: Context<Settings>) -> Result<(), BoxError> {
//!     let listener = context.bind().await?;
//!     let app = Router::new().route("/", get(async || "hello"));
//!     context.serve(listener, app).await;
//!     Ok(())
//! }
//!
//! fn main() -> ExitCode {
//!     start("hello", &Sources::from_process(None), run)
//! }
//! ```
//!
//! - [`config`]: layers, unknown keys refused, origins in errors, secrets that are never shown
//! - [`telemetry`], [`metrics`]: logs, traces and metrics through OpenTelemetry
//! - [`health`]: `/livez`, `/readyz`, `/metrics`
//! - [`finding`]: what an examination of a dependency found, for `kudosctl doctor`
//! - [`serve`], [`shutdown`]: the HTTP listener and the graceful stop
//! - [`tls`]: the cryptography of TLS clients

pub mod config;
pub mod finding;
pub mod health;
pub mod metrics;
pub mod observe;
pub mod serve;
pub mod settings;
pub mod shutdown;
pub mod start;
pub mod telemetry;
pub mod tls;
