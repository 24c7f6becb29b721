//! Wires what follows the truth.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use kudos_cassandra::Cassandra;
use kudos_core::ports::{Projection, Snapshots};
use kudos_core::{Clock, Kinds, SystemClock};
use kudos_degraded::Observer;
use kudos_elastic::Elastic;
use kudos_kafka::{KafkaFeed, KafkaLog};
use kudos_projection::{Auditor, LiveSink, Loader, LoaderPorts, LogSink, Projector, Sink, Sweeper};
use kudos_redis::{Monitor, Orders, RedisLive};
use kudos_runtime::observe::Metered;
use kudos_runtime::start::{BoxError, Context, Misconfigured};
use kudos_suite::{check, instance_name, watch_elastic, watch_kafka, watch_redis, watch_truth};

use crate::settings::Settings;

/// How long leaving the consumer group may take.
const LEAVE: Duration = Duration::from_secs(2);

/// The truth, which has to be there, and the copies, which need not.
struct Backends {
    truth: Cassandra,
    live: Arc<RedisLive>,
    log: Arc<KafkaLog>,
    index: Arc<Elastic>,
}

/// Runs until the process is asked to stop.
pub(crate) async fn run(context: Context<Settings>) -> Result<(), BoxError> {
    let listener = context.bind().await?;
    let kinds = Arc::new(context.settings.kinds.clone());
    let observer: Arc<dyn Observer> = Arc::new(Metered::new());
    let backends = Box::pin(Backends::open(&context.settings, &kinds, &observer)).await?;
    backends.watch(&context);
    backends.follow(&context, kinds)?;
    backends.mend(&context, &observer)?;
    monitor(&context)?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    context.serve(listener, Router::new()).await;
    Ok(())
}

impl Backends {
    async fn open(
        settings: &Settings,
        kinds: &Arc<Kinds>,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, BoxError> {
        let Settings { cassandra, redis, kafka, elastic, .. } = settings;
        let truth = Cassandra::connect(cassandra, Kinds::clone(kinds), clock()).await;
        let truth = truth.map_err(|error| Misconfigured(error.into()))?;
        let live = RedisLive::new(redis.clone(), Arc::clone(kinds), Arc::clone(observer));
        let live = Arc::new(live.map_err(|error| Misconfigured(error.into()))?);
        let log = KafkaLog::new(kafka, Arc::clone(kinds));
        let log = Arc::new(log.map_err(|error| Misconfigured(error.into()))?);
        let index = Elastic::new(elastic, Kinds::clone(kinds), Arc::clone(observer));
        let index = Arc::new(index.map_err(|error| Misconfigured(error.into()))?);
        futures::try_join!(
            check("redis", live.check()),
            check("kafka", kudos_kafka::check(kafka)),
            check("elastic", index.check()),
        )?;
        Ok(Self { truth, live, log, index })
    }

    fn watch(&self, context: &Context<Settings>) {
        watch_truth(&context.health, self.truth.store.clone(), true);
        watch_redis(&context.health, Arc::clone(&self.live));
        watch_kafka(&context.health, Arc::clone(&self.log));
        watch_elastic(&context.health, Arc::clone(&self.index));
    }

    fn truth(&self) -> Arc<dyn Snapshots> {
        self.truth.store.clone()
    }

    fn projections(&self) -> Vec<Arc<dyn Projection>> {
        vec![self.index.clone(), self.truth.rollup.clone()]
    }

    /// From the log to the index and the rollup, shared by all projectors.
    fn follow(&self, context: &Context<Settings>, kinds: Arc<Kinds>) -> Result<(), BoxError> {
        let Settings { kafka, projector, .. } = &context.settings;
        let feed = KafkaFeed::join(kafka, kinds);
        let feed = Arc::new(feed.map_err(|error| Misconfigured(error.into()))?);
        let (truth, projections) = (self.truth(), self.projections());
        let settings = projector.clone();
        let stop = context.shutdown.token();
        context.shutdown.spawn(async move {
            let projector = Projector::new(feed.clone(), truth, projections, clock(), settings);
            projector.run(stop).await;
            drop(projector);
            if let Some(feed) = Arc::into_inner(feed) {
                feed.leave(LEAVE).await;
            }
        });
        Ok(())
    }

    /// What one projector of all does at a time.
    fn mend(
        &self,
        context: &Context<Settings>,
        observer: &Arc<dyn Observer>,
    ) -> Result<(), BoxError> {
        let Settings { sweeper, loader, auditor, .. } = &context.settings;
        let (truth, instance) = (self.truth(), instance_name("projector"));
        let Cassandra { journal, leases, .. } = &self.truth;
        let live: Arc<dyn Sink> = Arc::new(LiveSink(self.live.clone()));
        let sinks = vec![Arc::clone(&live), Arc::new(LogSink(self.log.clone()))];
        let sweeper = Sweeper::new(
            journal.clone(),
            &truth,
            sinks,
            leases.clone(),
            &instance,
            observer,
            sweeper.clone(),
        )?;
        let ports = LoaderPorts {
            truth: Arc::clone(&truth),
            sink: live,
            completeness: Arc::new(Orders::new(Arc::clone(&self.live))),
            marks: self.live.clone(),
            log: self.log.clone(),
            windows: journal.clone(),
            leases: leases.clone(),
            clock: clock(),
        };
        let loader = Loader::new(ports, &instance, observer, loader.clone())?;
        let auditor = Auditor::new(
            truth,
            self.live.clone(),
            self.projections(),
            leases.clone(),
            &instance,
            observer,
            auditor.clone(),
        )?;
        let stop = || context.shutdown.token();
        let (sweep, load, audit) = (stop(), stop(), stop());
        context.shutdown.spawn(async move { sweeper.run(sweep).await });
        context.shutdown.spawn(async move { loader.run(load).await });
        context.shutdown.spawn(async move { auditor.run(audit).await });
        Ok(())
    }
}

/// Shows the figures of every Redis server. Each projector does, so that they are seen when one dies.
fn monitor(context: &Context<Settings>) -> Result<(), BoxError> {
    let Settings { redis, monitor, .. } = &context.settings;
    if monitor.enabled {
        let monitor = Monitor::new(redis, monitor.clone());
        let monitor = monitor.map_err(|error| Misconfigured(error.into()))?;
        let stop = context.shutdown.token();
        context.shutdown.spawn(async move {
            stop.run_until_cancelled(monitor.run()).await;
        });
    }
    Ok(())
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}
