//! Wires the reads, the page and the description of the whole API.

use std::sync::Arc;

use axum::Router;
use kudos_core::Kinds;
use kudos_degraded::Observer;
use kudos_http::auth::Authenticator;
use kudos_http::elsewhere;
use kudos_http::gate::Gate;
use kudos_http::sse::EventStreams;
use kudos_http::stack::{Stack, StackSettings};
use kudos_page::{Console, Itself, Services};
use kudos_query::{EventHub, Follower, Queries, QueryService};
use kudos_runtime::observe::Metered;
use kudos_runtime::start::{BoxError, Context};

use crate::backends::{Backends, clock};
use crate::console::Asked;
use crate::settings::Settings;

/// Runs until the process is asked to stop.
pub(crate) async fn run(context: Context<Settings>) -> Result<(), BoxError> {
    let listener = context.bind().await?;
    let kinds = Arc::new(context.settings.kinds.clone());
    let observer: Arc<dyn Observer> = Arc::new(Metered::new());
    let backends = Box::pin(Backends::open(&context, &kinds, &observer)).await?;
    backends.watch(&context);
    let queries = queries(&context, &backends, kinds, observer)?;
    let app = router(&context.settings, queries, console(&context)?)?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    context.serve(listener, app).await;
    Ok(())
}

/// The reads; beside them what the writes look like, and the page.
fn router(settings: &Settings, queries: Queries, console: Console) -> Result<Router, BoxError> {
    let (reads, reads_api) = kudos_query::routes(queries).split_for_parts();
    let writes_api = kudos_write::openapi();
    let authenticator = Authenticator::new(&settings.auth, settings.http.listen)?;
    let gate = Gate::new(authenticator, &settings.limits);
    let api = gate.reads(reads).merge(elsewhere(&writes_api));
    let document = kudos_http::openapi::document(&settings.kinds, [writes_api, reads_api]);
    let documents = kudos_http::openapi::routes(&document)?;
    let app = api.merge(documents).merge(kudos_page::routes(console));
    Ok(Stack::new(&StackSettings::new(&settings.http, &settings.api.cors_origins))?.wrap(app))
}

/// What the console shows: the services of the settings, or this process alone.
fn console(context: &Context<Settings>) -> Result<Console, BoxError> {
    let Context { settings, health, metrics, .. } = context;
    let services: Arc<dyn Services> = match settings.console.services.is_empty() {
        true => Arc::new(Itself::new("search", health, metrics)),
        false => Arc::new(Asked::new(&settings.console)?),
    };
    Ok(Console::new(services))
}

fn queries(
    context: &Context<Settings>,
    backends: &Backends,
    kinds: Arc<Kinds>,
    observer: Arc<dyn Observer>,
) -> Result<Queries, BoxError> {
    let Settings { api, query, events, .. } = &context.settings;
    let followers: Vec<Arc<dyn Follower>> =
        vec![backends.kept_posts.clone(), backends.recent.clone(), backends.newest.clone()];
    let hub = EventHub::new(backends.log.clone(), Arc::clone(&kinds), query, followers);
    let (hub, mender) = (Arc::new(hub), Arc::clone(&backends.mender));
    let (following, stop) = (Arc::clone(&hub), context.shutdown.token());
    context.shutdown.spawn(async move { stop.run_until_cancelled(following.run()).await });
    let stop = context.shutdown.token();
    context.shutdown.spawn(async move { stop.run_until_cancelled(mender.run()).await });
    let (sources, cursors) = (backends.sources(), api.cursor_key()?);
    let service = QueryService::new(sources, kinds, clock(), cursors, query.clone(), observer);
    let streams = EventStreams::new(events, context.shutdown.token());
    Ok(Queries { service: Arc::new(service), hub, streams })
}
