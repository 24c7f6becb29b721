//! Wires the services to the embedded backends and serves them behind one address.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use kudos_core::{Kinds, SystemClock};
use kudos_degraded::Observer;
use kudos_embedded::Embedded;
use kudos_http::auth::Authenticator;
use kudos_http::gate::Gate;
use kudos_http::sse::EventStreams;
use kudos_http::stack::{Stack, StackSettings};
use kudos_page::{Console, Itself};
use kudos_projection::Deliveries;
use kudos_query::{EventHub, Queries, QueryService, Sources};
use kudos_runtime::health::{Health, Status};
use kudos_runtime::observe::Metered;
use kudos_runtime::start::{BoxError, Context};
use kudos_write::WriteService;

use crate::control;
use crate::jobs::Place;
use crate::settings::Settings;

/// Runs until the process is asked to stop.
pub(crate) async fn run(context: Context<Settings>) -> Result<(), BoxError> {
    let listener = context.bind().await?;
    let Settings { data, .. } = &context.settings;
    let backends = Embedded::open(&data.path, &context.settings.store_options(), clock())?;
    let app = router(&context, &backends)?;
    watch(&context.health, &backends);
    control::serve(Place::of(backends.clone(), &context.settings), &context.shutdown);
    announce(listener.local_addr()?, &data.path);
    context.serve(listener, app).await;
    Ok(())
}

fn clock() -> Arc<SystemClock> {
    Arc::new(SystemClock)
}

/// The whole HTTP surface: API, documents, page.
fn router(context: &Context<Settings>, backends: &Embedded) -> Result<Router, BoxError> {
    let settings = &context.settings;
    let kinds = Arc::new(settings.kinds.clone());
    let observer: Arc<dyn Observer> = Arc::new(Metered::new());
    let writes = kudos_write::routes(writer(settings, backends, &kinds));
    let (writes, writes_api) = writes.split_for_parts();
    let reads = kudos_query::routes(queries(context, backends, &kinds, observer)?);
    let (reads, reads_api) = reads.split_for_parts();

    let authenticator = Authenticator::new(&settings.auth, settings.http.listen)?;
    let gate = Gate::new(authenticator, &settings.limits);
    let document = kudos_http::openapi::document(&kinds, [writes_api, reads_api]);
    let api = gate.writes(writes).merge(gate.reads(reads));
    let documents = kudos_http::openapi::routes(&document)?;
    let app = api.merge(documents).merge(kudos_page::routes(console(context)));
    Ok(Stack::new(&StackSettings::new(&settings.http, &settings.api.cors_origins))?.wrap(app))
}

fn console(context: &Context<Settings>) -> Console {
    let itself = Itself::new("kudos", &context.health, &context.metrics);
    Console::new(Arc::new(itself))
}

fn writer(settings: &Settings, backends: &Embedded, kinds: &Arc<Kinds>) -> Arc<WriteService> {
    // The commit that makes a reaction durable has told the board and the log already.
    let deliveries = Deliveries::none();
    let (truth, posts) = (backends.store.clone(), backends.store.clone());
    let (kinds, settings) = (Arc::clone(kinds), settings.write.clone());
    Arc::new(WriteService::new(truth, posts, deliveries, kinds, clock(), settings))
}

fn queries(
    context: &Context<Settings>,
    backends: &Embedded,
    kinds: &Arc<Kinds>,
    observer: Arc<dyn Observer>,
) -> Result<Queries, BoxError> {
    let Settings { api, query, events, .. } = &context.settings;
    let Embedded { store, board, index } = backends;
    let sources = Sources {
        live: board.clone(),
        truth: store.clone(),
        index: index.clone(),
        posts: store.clone(),
        kept_posts: store.clone(),
        // The index ranks by the board, and the board is never behind the store.
        recent: None,
        newest: None,
        mender: None,
    };
    let cursors = api.cursor_key()?;
    let service =
        QueryService::new(sources, Arc::clone(kinds), clock(), cursors, query.clone(), observer);
    let hub = Arc::new(EventHub::new(store.clone(), Arc::clone(kinds), query, Vec::new()));
    let (running, shutdown) = (Arc::clone(&hub), context.shutdown.token());
    context.shutdown.spawn(async move { shutdown.run_until_cancelled(running.run()).await });
    let streams = EventStreams::new(events, context.shutdown.token());
    Ok(Queries { service: Arc::new(service), hub, streams })
}

fn watch(health: &Health, backends: &Embedded) {
    let limit = std::time::Duration::from_millis(500);
    let store = Arc::clone(&backends.store);
    health.register("store", limit, move || {
        let writable = store.is_writable();
        async move {
            match writable {
                true => Status::Up,
                false => Status::Degraded { why: "too little disk space: reads only".into() },
            }
        }
    });
}

/// Tells a person where to look; what fails to print is no reason to stop.
fn announce(address: SocketAddr, data: &Path) {
    let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let text = format!(
        "Kudos is ready.\n  page      http://{address}/\n  console   http://{address}/console\n  \
         API docs  http://{address}/docs\n  data      {}\n",
        data.display()
    );
    let _ = std::io::stderr().write_all(text.as_bytes());
}
