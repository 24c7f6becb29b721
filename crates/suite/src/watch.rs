//! What `/readyz?verbose` says of each engine.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{EventLog, PostStore};
use kudos_core::{PortError, PostId};
use kudos_elastic::Elastic;
use kudos_kafka::KafkaLog;
use kudos_redis::RedisLive;
use kudos_runtime::health::{Health, Status};
use kudos_runtime::start::Chain;

/// How long an engine may take to answer a check.
const LIMIT: Duration = Duration::from_secs(2);

/// Whether the service can do its work without the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Nothing works without it.
    Needed,
    /// Answers are poorer, or deliveries late.
    Helpful,
}

/// The truth: `needed` by whoever writes or follows it, and not by whoever reads.
pub fn watch_truth(health: &Health, posts: Arc<dyn PostStore>, needed: bool) {
    let role = if needed { Role::Needed } else { Role::Helpful };
    register(health, "cassandra", role, move || {
        let posts = Arc::clone(&posts);
        async move { posts.get(&[nobodys_post()]).await.map(drop) }
    });
}

/// The live counts: reachable, and complete.
pub fn watch_redis(health: &Health, live: Arc<RedisLive>) {
    register(health, "redis", Role::Helpful, move || {
        let live = Arc::clone(&live);
        async move {
            live.check().await?;
            let lacking = live.completeness().await?;
            match lacking.is_empty() {
                true => Ok(()),
                false => Err(PortError::Unavailable("ranks lack posts, and are loaded".into())),
            }
        }
    });
}

/// The log of changes.
pub fn watch_kafka(health: &Health, log: Arc<KafkaLog>) {
    register(health, "kafka", Role::Helpful, move || {
        let log = Arc::clone(&log);
        async move { log.head().await.map(drop) }
    });
}

/// The index.
pub fn watch_elastic(health: &Health, index: Arc<Elastic>) {
    register(health, "elastic", Role::Helpful, move || {
        let index = Arc::clone(&index);
        async move { index.check().await.map(drop) }
    });
}

fn register<F, Fut, E>(health: &Health, engine: &str, role: Role, check: F)
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Error,
{
    health.register(engine, LIMIT + LIMIT, move || {
        let check = tokio::time::timeout(LIMIT, check());
        async move {
            let why = match check.await {
                Ok(Ok(())) => return Status::Up,
                Ok(Err(error)) => Chain(&error).to_string(),
                Err(_) => "no answer in time".to_owned(),
            };
            match role {
                Role::Needed => Status::Down { why },
                Role::Helpful => Status::Degraded { why },
            }
        }
    });
}

/// A post that is not there; asking for it shows that somebody answers.
fn nobodys_post() -> PostId {
    PostId::new("readyz").expect("a valid id")
}
