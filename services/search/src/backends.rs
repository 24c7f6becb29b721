//! Where answers come from. None of these has to be there at the start.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::PostStore;
use kudos_core::{Clock, Kinds, PostId, SystemClock};
use kudos_degraded::Observer;
use kudos_elastic::Elastic;
use kudos_kafka::KafkaLog;
use kudos_projection::{LiveSink, Mender};
use kudos_query::{CachedPosts, Mend, Newest, Recent, Sources};
use kudos_redis::RedisLive;
use kudos_runtime::start::{BoxError, Context, Misconfigured};
use kudos_suite::{PendingTruth, check, watch_elastic, watch_kafka, watch_redis, watch_truth};

use crate::settings::Settings;

/// Everything that a read may ask.
pub(crate) struct Backends {
    pub(crate) truth: PendingTruth,
    pub(crate) live: Arc<RedisLive>,
    pub(crate) log: Arc<KafkaLog>,
    pub(crate) index: Arc<Elastic>,
    pub(crate) kept_posts: Arc<CachedPosts>,
    pub(crate) recent: Arc<Recent>,
    pub(crate) newest: Arc<Newest>,
    pub(crate) mender: Arc<Mender>,
}

/// The reads' side of the mender.
struct Mending(Arc<Mender>);

impl Mend for Mending {
    fn mend(&self, posts: &[PostId]) {
        self.0.mend(posts);
    }
}

impl Backends {
    /// Checks what can be asked now, and goes on without what cannot.
    pub(crate) async fn open(
        context: &Context<Settings>,
        kinds: &Arc<Kinds>,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, BoxError> {
        let Settings { cassandra, redis, kafka, elastic, cache, .. } = &context.settings;
        let live = RedisLive::new(redis.clone(), Arc::clone(kinds), Arc::clone(observer));
        let live = Arc::new(live.map_err(|error| Misconfigured(error.into()))?);
        let log = KafkaLog::new(kafka, Arc::clone(kinds));
        let log = Arc::new(log.map_err(|error| Misconfigured(error.into()))?);
        let index = Elastic::new(elastic, Kinds::clone(kinds), Arc::clone(observer));
        let index = Arc::new(index.map_err(|error| Misconfigured(error.into()))?);
        let (truth, ..) = futures::try_join!(
            PendingTruth::connect(cassandra, kinds, clock(), &context.shutdown),
            check("redis", live.check()),
            check("kafka", kudos_kafka::check(kafka)),
            check("elastic", index.check()),
        )?;
        let posts: Arc<dyn PostStore> = Arc::new(truth.clone());
        let kept_posts = Arc::new(CachedPosts::new(posts, cache.post_ttl, cache.post_bytes));
        // Twice the lag: what changed at the end of one span is held for another.
        let lag = Duration::from_millis(context.settings.query.index_lag_ms);
        let sink = Arc::new(LiveSink(live.clone()));
        let mender = Arc::new(Mender::new(sink, Arc::new(truth.clone())));
        let recent = Arc::new(Recent::new(lag * 2));
        let newest = Arc::new(Newest::default());
        Ok(Self { truth, live, log, index, kept_posts, recent, newest, mender })
    }

    pub(crate) fn sources(&self) -> Sources {
        Sources {
            live: self.live.clone(),
            truth: Arc::new(self.truth.clone()),
            index: self.index.clone(),
            posts: Arc::new(self.truth.clone()),
            kept_posts: self.kept_posts.clone(),
            recent: Some(Arc::clone(&self.recent)),
            newest: Some(Arc::clone(&self.newest)),
            mender: Some(Arc::new(Mending(Arc::clone(&self.mender)))),
        }
    }

    /// A read always answers somehow, so no engine takes this service out of rotation.
    pub(crate) fn watch(&self, context: &Context<Settings>) {
        let health = &context.health;
        watch_truth(health, Arc::new(self.truth.clone()), false);
        watch_redis(health, Arc::clone(&self.live));
        watch_kafka(health, Arc::clone(&self.log));
        watch_elastic(health, Arc::clone(&self.index));
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}
