//! What the tests share.

mod api;
mod proxy;
mod readers;
mod service;
mod world;

use std::time::Duration;

pub(crate) use api::{Api, CONDITIONAL_WRITES};
pub(crate) use proxy::Proxy;
pub(crate) use readers::{IndexReader, RollupReader};
pub(crate) use service::{Ended, Launch, Program, Service, interrupted, run};
pub(crate) use world::World;

/// Asks again until the answer is there, for at most `limit`.
pub(crate) async fn eventually<T>(
    what: &str,
    limit: Duration,
    ask: impl AsyncFn() -> Option<T>,
) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let answer = tokio::time::timeout(limit, asked).await;
    answer.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"))
}
