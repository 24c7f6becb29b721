//! Servers for tests, and what they have in common.

mod servers;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use kudos_core::{Counts, Kinds, Millis, PostId, PostState, Version};
use kudos_redis::{Mode, RedisLive, RedisSettings};
use kudos_testkit::ManualClock;
use kudos_testkit::scope::NOW;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

pub(crate) use servers::{Cluster, Server, cli, start};
pub(crate) use watched::Watched;

/// A day before the last post of any check, and at most a window after the first.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(NOW.plus(Duration::from_secs(3 * 24 * 3600))))
}

/// The stack's Redis.
pub(crate) fn stack() -> RedisSettings {
    let variable = |name: &str, default: &str| {
        std::env::var(name).ok().filter(|text| !text.is_empty()).unwrap_or(default.to_owned())
    };
    let nodes = variable("KUDOS_STACK_REDIS", "127.0.0.1:7000");
    let mode = match variable("KUDOS_STACK_REDIS_MODE", "cluster").as_str() {
        "single" => Mode::Single,
        _ => Mode::Cluster,
    };
    let nodes = nodes.split([',', ' ']).map(str::to_owned).collect();
    patient(RedisSettings { mode, nodes, ..RedisSettings::default() })
}

/// Settings for a machine on which tests compete for two cores.
pub(crate) fn patient(settings: RedisSettings) -> RedisSettings {
    RedisSettings { connect_ms: 2_000, response_ms: 2_000, total_ms: 10_000, ..settings }
}

/// A projection that is ready to answer.
pub(crate) async fn complete(settings: RedisSettings) -> RedisLive {
    let live = open(settings);
    mark_complete(&live).await;
    live
}

/// A projection on servers that may be there or not.
pub(crate) fn open(settings: RedisSettings) -> RedisLive {
    RedisLive::with_clock(settings, Arc::new(Kinds::default()), Arc::new(()), clock())
        .expect("the settings are valid")
}

pub(crate) async fn mark_complete(live: &RedisLive) {
    let load = live.begin_load().await.expect("Redis answers: start it with `make stack-up`");
    live.mark_complete(&load).await.expect("nothing was lost");
}

/// A state of which the counts follow from the version.
pub(crate) fn state(post: &PostId, version: u64) -> PostState {
    PostState {
        post: post.clone(),
        created_at: NOW,
        version: Version(version),
        counts: Counts::from_iter([version * 7 % 13, version]),
        as_of: Millis(NOW.0 + version),
    }
}

/// Keeps tests that load the machine, or measure time, from each other.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// Waits until something holds, but not for ever.
pub(crate) async fn until(
    what: &str,
    limit: Duration,
    mut holds: impl AsyncFnMut() -> bool,
) -> Duration {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}
