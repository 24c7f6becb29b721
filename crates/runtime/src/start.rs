//! The one way in which every Kudos program starts, runs and ends.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | stopped as asked, or done |
//! | 1 | failed while running; the reason was logged once |
//! | 78 | the configuration is wrong (`EX_CONFIG`); the reason is on stderr, nothing was started |
//! | 130, 143 | stopped at once by a second SIGINT or SIGTERM |

use std::{
    error::Error,
    fmt::{self, Display},
    future::Future,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use axum::Router;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::{
    config::{ConfigError, Sources, render_effective},
    health::{self, Health},
    metrics::MetricsText,
    serve::{self, BindError, Stopped},
    settings::{Base, ServiceSettings, Settings},
    shutdown::Shutdown,
    telemetry::Telemetry,
    tls,
};

/// The exit code for a wrong configuration, `EX_CONFIG` of sysexits.h.
pub const EXIT_CONFIG: u8 = 78;

/// How long a service gets after `http.shutdown_grace` to close its stores before it is given up.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// How long the last flush of telemetry, and blocking calls left behind, may hold up the exit.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// Any error of a service, on its way to the one line that reports it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What a running service is given.
pub struct Context<S> {
    /// The effective settings.
    pub settings: S,
    /// Begins at the first SIGTERM or SIGINT.
    pub shutdown: Shutdown,
    /// Where readiness checks are registered.
    pub health: Health,
    /// What `/metrics` shows.
    pub metrics: MetricsText,
}

impl<S: ServiceSettings> Context<S> {
    /// Opens the listener of `http.listen`.
    ///
    /// # Errors
    /// [`BindError`].
    pub async fn bind(&self) -> Result<TcpListener, BindError> {
        serve::bind(self.settings.base().http).await
    }

    /// Serves `app`, with `/livez`, `/readyz` and `/metrics` beside it, until the stop.
    pub async fn serve(&self, listener: TcpListener, app: Router) -> Stopped {
        let operations = health::routes(self.health.clone(), self.metrics.clone());
        let app = app.merge(operations);
        let stopped = serve::serve(listener, app, self.settings.base().http, &self.shutdown).await;
        if let Stopped::Cut { connections } = stopped {
            tracing::warn!(connections, "requests were cut: the grace was over");
        }
        stopped
    }
}

/// What stands behind a setting is not as the setting says, such as a password that a server
/// refuses: a service whose `run` returns this ends as if the configuration could not be read. The
/// text names the setting and what to do.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct Misconfigured(pub BoxError);

/// Why a service ended badly.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Service(BoxError),
    #[error("cannot listen to signals")]
    Signals(#[source] io::Error),
    #[error("did not stop within {} of being asked", humantime::format_duration(*.0))]
    Overdue(Duration),
}

/// Runs a service to its end on a runtime of its own: loads and validates the settings, starts
/// telemetry, listens to signals, runs, waits for tracked tasks, flushes. See the module for the
/// exit codes.
///
/// `run` should return soon after `context.shutdown` begins; it is given up 2 s after
/// `http.shutdown_grace`.
pub fn start<S, F, Fut, E>(name: &'static str, sources: &Sources, run: F) -> ExitCode
where
    S: ServiceSettings,
    F: FnOnce(Context<S>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Into<BoxError>,
{
    let settings: S = match load(sources) {
        Ok(settings) => settings,
        Err(error) => return misconfigured(&error),
    };
    let Base { log, telemetry, .. } = settings.base();
    let telemetry = match Telemetry::start(name, log, telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => return misconfigured(&error),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().thread_name(name).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(supervise(settings, telemetry.metrics(), run));
            runtime.shutdown_timeout(FLUSH_LIMIT);
            outcome
        }
        Err(error) => Err(Failure::Service(error.into())),
    };
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Service(error)) if error.is::<Misconfigured>() => misconfigured(&*error),
        Err(failure) => {
            tracing::error!(error = %Chain(&failure), "{name} failed");
            ExitCode::FAILURE
        }
    };
    if let Err(error) = telemetry.stop(FLUSH_LIMIT) {
        tracing::warn!(error = %Chain(&error), "telemetry is incomplete");
    }
    code
}

/// Runs a command that is no service, such as an import: settings, but neither telemetry nor a
/// runtime. A failure is printed to stderr. See the module for the exit codes.
pub fn command<S, E>(sources: &Sources, run: impl FnOnce(S) -> Result<(), E>) -> ExitCode
where
    S: Settings,
    E: Into<BoxError>,
{
    match load(sources) {
        Ok(settings) => match run(settings).map_err(Into::into) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&Chain(&*error));
                ExitCode::FAILURE
            }
        },
        Err(error) => misconfigured(&error),
    }
}

/// Prints the effective settings as TOML to stdout, secrets redacted: a program's `config` command.
pub fn print_config<S: Settings>(sources: &Sources) -> ExitCode {
    command(sources, |settings: S| {
        let text = render_effective(&settings)?;
        io::stdout().write_all(text.as_bytes())?;
        Ok::<(), BoxError>(())
    })
}

/// An error with all its causes, in one line.
pub struct Chain<'a>(pub &'a dyn Error);

impl Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

fn load<S: Settings>(sources: &Sources) -> Result<S, ConfigError> {
    let settings: S = sources.load()?;
    settings.validate().map_err(|invalid| ConfigError::Invalid {
        origin: sources.origin::<S>(&invalid.key),
        key: invalid.key,
        problem: invalid.problem,
    })?;
    tls::install();
    Ok(settings)
}

async fn supervise<S, F, Fut, E>(settings: S, metrics: MetricsText, run: F) -> Result<(), Failure>
where
    S: ServiceSettings,
    F: FnOnce(Context<S>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Into<BoxError>,
{
    let grace = settings.base().http.shutdown_grace;
    let shutdown = Shutdown::new();
    shutdown.begin_on_signals().map_err(Failure::Signals)?;
    let context = Context {
        settings,
        shutdown: shutdown.clone(),
        health: Health::new(shutdown.clone()),
        metrics,
    };
    let result = tokio::select! {
        result = Box::pin(run(context)) => result.map_err(|error| Failure::Service(error.into())),
        () = overdue(&shutdown, grace) => Err(Failure::Overdue(grace + CLOSE_LIMIT)),
    };
    shutdown.begin();
    if let Err(error) = shutdown.drained(grace).await {
        tracing::warn!(%error, "left behind at the end");
    }
    result
}

async fn overdue(shutdown: &Shutdown, grace: Duration) {
    shutdown.cancelled().await;
    tokio::time::sleep(shutdown.remaining(grace + CLOSE_LIMIT)).await;
}

fn misconfigured(error: &dyn Error) -> ExitCode {
    complain(&Chain(error));
    ExitCode::from(EXIT_CONFIG)
}

fn complain(message: &dyn Display) {
    // A closed stderr leaves the exit code to tell.
    let _ = writeln!(io::stderr(), "error: {message}");
}
