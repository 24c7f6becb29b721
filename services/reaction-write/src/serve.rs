//! Wires the writes to Cassandra, Redis and Kafka.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use kudos_cassandra::Cassandra;
use kudos_core::{Clock, Kinds, SystemClock};
use kudos_degraded::Observer;
use kudos_http::auth::Authenticator;
use kudos_http::elsewhere;
use kudos_http::gate::Gate;
use kudos_http::stack::{Stack, StackSettings};
use kudos_kafka::KafkaLog;
use kudos_projection::{Deliveries, LiveSink, LogSink};
use kudos_redis::RedisLive;
use kudos_runtime::observe::Metered;
use kudos_runtime::start::{BoxError, Context, Misconfigured};
use kudos_suite::{check, watch_kafka, watch_redis, watch_truth};
use kudos_write::WriteService;

use crate::settings::Settings;

/// The truth, which has to be there, and what follows it, which need not.
struct Backends {
    truth: Cassandra,
    live: Arc<RedisLive>,
    log: Arc<KafkaLog>,
}

/// Runs until the process is asked to stop.
pub(crate) async fn run(context: Context<Settings>) -> Result<(), BoxError> {
    let listener = context.bind().await?;
    let kinds = Arc::new(context.settings.kinds.clone());
    let observer: Arc<dyn Observer> = Arc::new(Metered::new());
    let backends = Backends::open(&context.settings, &kinds, &observer).await?;
    backends.watch(&context);
    let app = router(&context.settings, backends.service(&context.settings, kinds, &observer))?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    context.serve(listener, app).await;
    backends.close(context.shutdown.remaining(context.settings.http.shutdown_grace)).await;
    Ok(())
}

fn router(settings: &Settings, service: WriteService) -> Result<Router, BoxError> {
    let (writes, _) = kudos_write::routes(Arc::new(service)).split_for_parts();
    let authenticator = Authenticator::new(&settings.auth, settings.http.listen)?;
    let gate = Gate::new(authenticator, &settings.limits);
    let app = gate.writes(writes).merge(elsewhere(&kudos_query::openapi()));
    Ok(Stack::new(&StackSettings::new(&settings.http, &settings.api.cors_origins))?.wrap(app))
}

impl Backends {
    async fn open(
        settings: &Settings,
        kinds: &Arc<Kinds>,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, BoxError> {
        let Settings { cassandra, redis, kafka, .. } = settings;
        let truth = Cassandra::connect(cassandra, Kinds::clone(kinds), clock()).await;
        let truth = truth.map_err(|error| Misconfigured(error.into()))?;
        let live = RedisLive::new(redis.clone(), Arc::clone(kinds), Arc::clone(observer));
        let live = live.map_err(|error| Misconfigured(error.into()))?;
        let log = KafkaLog::new(kafka, Arc::clone(kinds));
        let log = log.map_err(|error| Misconfigured(error.into()))?;
        let redis = check("redis", live.check());
        let kafka = check("kafka", kudos_kafka::check(kafka));
        futures::try_join!(redis, kafka)?;
        Ok(Self { truth, live: Arc::new(live), log: Arc::new(log) })
    }

    fn service(
        &self,
        settings: &Settings,
        kinds: Arc<Kinds>,
        observer: &Arc<dyn Observer>,
    ) -> WriteService {
        let Cassandra { store, journal, .. } = &self.truth;
        let deliveries = Deliveries::new(
            vec![Arc::new(LiveSink(self.live.clone())), Arc::new(LogSink(self.log.clone()))],
            journal.clone(),
            store.clone(),
            Duration::from_millis(settings.write.sinks_ms),
            observer,
        );
        let settings = settings.write.clone();
        WriteService::new(store.clone(), store.clone(), deliveries, kinds, clock(), settings)
    }

    fn watch(&self, context: &Context<Settings>) {
        watch_truth(&context.health, self.truth.store.clone(), true);
        watch_redis(&context.health, self.live.clone());
        watch_kafka(&context.health, self.log.clone());
    }

    /// Hands over what is on its way, so that nobody has to sweep up after this process.
    async fn close(self, grace: Duration) {
        if !self.log.flush(grace / 2).await {
            tracing::warn!("the log does not have all changes: the sweeper delivers them");
        }
        if tokio::time::timeout(grace / 2, self.truth.close()).await.is_err() {
            tracing::warn!("the outage journal is left open: the sweeper looks at it");
        }
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}
