//! The server under load: a child process that serves what the product serves, and beside it one
//! route that does nothing, behind the same gate and stack.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use kudos_core::ports::PostIndex;
use kudos_core::{Kinds, SystemClock};
use kudos_degraded::Observer;
use kudos_embedded::{Embedded, Options};
use kudos_http::answer::json;
use kudos_http::auth::{AuthSettings, Authenticator, Caller};
use kudos_http::cursor::CursorKey;
use kudos_http::extract::Json;
use kudos_http::gate::Gate;
use kudos_http::limit::LimitSettings;
use kudos_http::sse::{EventStreams, SseSettings};
use kudos_http::stack::{Stack, StackSettings};
use kudos_projection::Deliveries;
use kudos_query::{EventHub, Queries, QueryService, QuerySettings, Sources};
use kudos_runtime::config;
use kudos_runtime::observe::Metered;
use kudos_runtime::settings::{
    self, Base, HttpSettings, LogSettings, ServiceSettings, TelemetrySettings,
};
use kudos_runtime::start::{BoxError, Context, start};
use kudos_write::{WriteService, WriteSettings};
use serde::{Deserialize, Serialize};

use crate::child::Running;
use crate::error::Error;

/// A limit that counts every request and refuses none.
const LIMITS: LimitSettings = LimitSettings {
    writes_per_second: 1_000_000_000,
    write_burst: 1_000_000_000,
    requests_per_second: 1_000_000_000,
    request_burst: 1_000_000_000,
};

/// A running server.
pub(crate) struct Server {
    pub(crate) child: Running,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a server on `folder` that knows `posts` posts, and waits until it listens.
    pub(crate) fn start(folder: &Path, posts: u64) -> Result<Self, Error> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").arg("--folder").arg(folder).args(["--posts", &posts.to_string()]);
        let mut child = Running(command.stdout(Stdio::piped()).spawn()?);
        let mut line = String::new();
        if let Some(output) = child.0.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let address = line.trim().parse().map_err(|_| Error::NoServer)?;
        Ok(Self { child, address })
    }
}

/// The settings that [`start`] needs; all at their defaults but for the address and the log.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Settings {
    http: HttpSettings,
    log: LogSettings,
    telemetry: TelemetrySettings,
}

impl settings::Settings for Settings {}

impl ServiceSettings for Settings {
    fn base(&self) -> Base<'_> {
        Base { http: &self.http, log: &self.log, telemetry: &self.telemetry }
    }
}

/// The child's side: stores posts number 0 to `posts`, says where it listens, serves.
pub(crate) fn run(folder: &Path, posts: u64) -> ExitCode {
    let settings = ["http.listen=127.0.0.1:0", "log.level=warn"];
    let sources = config::Sources::none().assignments("--set", settings);
    let folder = folder.to_owned();
    start("kudos-bench", &sources, move |context| serve(context, folder, posts))
}

async fn serve(
    context: Context<Settings>,
    folder: std::path::PathBuf,
    posts: u64,
) -> Result<(), BoxError> {
    let listener = context.bind().await?;
    let backends = Embedded::open(&folder, &Options::default(), Arc::new(SystemClock))?;
    crate::posts::store(&backends.store, posts).await?;
    backends.index.refresh().await?;
    let app = router(&context, &backends)?;
    writeln!(std::io::stdout().lock(), "{}", listener.local_addr()?)?;
    context.serve(listener, app).await;
    Ok(())
}

/// As the product wires it, with [`noop`] among the writes.
fn router(context: &Context<Settings>, backends: &Embedded) -> Result<Router, BoxError> {
    let kinds = Arc::new(Kinds::default());
    let observer: Arc<dyn Observer> = Arc::new(Metered::new());
    let (writes, _) = kudos_write::routes(writer(backends, &kinds)).split_for_parts();
    let (reads, _) =
        kudos_query::routes(queries(context, backends, kinds, observer)?).split_for_parts();
    let writes = writes.route("/v1/noop", post(noop));
    let authenticator = Authenticator::new(&AuthSettings::default(), context.settings.http.listen)?;
    let gate = Gate::new(authenticator, &LIMITS);
    let stack = Stack::new(&StackSettings::default())?;
    Ok(stack.wrap(gate.writes(writes).merge(gate.reads(reads))))
}

/// A body and an answer as small as JSON usefully is.
#[derive(Serialize, Deserialize)]
struct Noop {
    post: String,
    kind: String,
}

async fn noop(_: Caller, Json(body): Json<Noop>) -> Response {
    json(StatusCode::OK, &body)
}

fn writer(backends: &Embedded, kinds: &Arc<Kinds>) -> Arc<WriteService> {
    let settings = WriteSettings::default();
    // A commit of the embedded store brings its own counts and events along.
    let deliveries = Deliveries::none();
    let store = &backends.store;
    let (truth, posts) = (store.clone(), store.clone());
    let clock = Arc::new(SystemClock);
    Arc::new(WriteService::new(truth, posts, deliveries, Arc::clone(kinds), clock, settings))
}

fn queries(
    context: &Context<Settings>,
    backends: &Embedded,
    kinds: Arc<Kinds>,
    observer: Arc<dyn Observer>,
) -> Result<Queries, BoxError> {
    let Embedded { store, board, index } = backends;
    let settings = QuerySettings::default();
    let sources = Sources {
        live: board.clone(),
        truth: store.clone(),
        index: index.clone(),
        posts: store.clone(),
        kept_posts: store.clone(),
        recent: None,
        newest: None,
        mender: None,
    };
    let hub = Arc::new(EventHub::new(store.clone(), Arc::clone(&kinds), &settings, Vec::new()));
    let (running, shutdown) = (Arc::clone(&hub), context.shutdown.token());
    context.shutdown.spawn(async move { shutdown.run_until_cancelled(running.run()).await });
    let streams = EventStreams::new(&SseSettings::default(), context.shutdown.token());
    let (clock, cursors) = (Arc::new(SystemClock), CursorKey::random()?);
    let service = QueryService::new(sources, kinds, clock, cursors, settings, observer);
    Ok(Queries { service: Arc::new(service), hub, streams })
}
