//! The truth and every copy of it, where the settings say that they are.

use std::sync::Arc;

use kudos_cassandra::Cassandra;
use kudos_core::SystemClock;
use kudos_core::ports::Mirror;
use kudos_elastic::Elastic;
use kudos_redis::{RedisHashes, RedisLive, RedisRanks, RedisSettings};
use kudos_runtime::start::BoxError;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;

/// What Redis may take for an answer here, where no user waits for it.
const PATIENCE_MS: u64 = 2_000;

/// All that a post is kept in, but for the log.
pub(crate) struct Copies {
    pub(crate) truth: Cassandra,
    pub(crate) live: Arc<RedisLive>,
    pub(crate) index: Arc<Elastic>,
}

impl Copies {
    /// Connects, unless `stop` is told before.
    pub(crate) async fn connect(
        settings: &Settings,
        stop: &CancellationToken,
    ) -> Result<Self, BoxError> {
        let connected = stop.run_until_cancelled(Box::pin(Self::open(settings))).await;
        connected.unwrap_or_else(|| Err("stopped before the connections were made".into()))
    }

    /// Connects.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, BoxError> {
        let (kinds, clock) = (settings.kinds.clone(), Arc::new(SystemClock));
        let truth = Cassandra::connect(&settings.cassandra, kinds.clone(), clock).await?;
        let redis = patient(&settings.redis);
        let live = RedisLive::new(redis, Arc::new(kinds.clone()), Arc::new(()))?;
        let index = Elastic::new(&settings.elastic, kinds, Arc::new(()))?;
        Ok(Self { truth, live: Arc::new(live), index: Arc::new(index) })
    }

    /// The copies.
    pub(crate) fn mirrors(&self) -> Vec<Arc<dyn Mirror>> {
        let others: [Arc<dyn Mirror>; 2] = [self.truth.rollup.clone(), self.index.clone()];
        self.of_redis().into_iter().chain(others).collect()
    }

    /// Those in Redis, in the order in which they are mended: ranks follow hashes.
    pub(crate) fn of_redis(&self) -> Vec<Arc<dyn Mirror>> {
        vec![Arc::new(RedisHashes(self.live.clone())), Arc::new(RedisRanks(self.live.clone()))]
    }
}

fn patient(settings: &RedisSettings) -> RedisSettings {
    RedisSettings {
        connect_ms: settings.connect_ms.max(PATIENCE_MS),
        response_ms: settings.response_ms.max(PATIENCE_MS),
        total_ms: settings.total_ms.max(2 * PATIENCE_MS),
        ..settings.clone()
    }
}
