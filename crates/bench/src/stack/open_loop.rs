//! Calls that begin when they should, whether or not those before have ended.

use std::future::Future;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::Fault;

/// The 99th percentile of `count` calls, `rate` of them a second, in milliseconds, each from when
/// it should have begun.
pub(crate) fn p99<F>(
    runtime: &Runtime,
    (rate, count): (u32, u64),
    call: impl Fn(u64) -> F,
) -> Result<f64, Fault>
where
    F: Future<Output = Result<(), Fault>> + Send + 'static,
{
    let mut calls = JoinSet::new();
    let mut intended = Instant::now();
    for number in 0..count {
        // The thread sleeps, for the timer of the runtime counts in whole milliseconds.
        std::thread::sleep(intended.saturating_duration_since(Instant::now()));
        let (call, begun) = (call(number), intended);
        calls.spawn_on(async move { call.await.map(|()| begun.elapsed()) }, runtime.handle());
        intended += Duration::from_secs(1) / rate;
    }
    let mut taken = Histogram::<u64>::new(3).expect("three digits are within its bounds");
    runtime.block_on(async {
        while let Some(call) = calls.join_next().await {
            taken.saturating_record(call.map_err(Fault::of)??.as_micros() as u64);
        }
        Ok::<(), Fault>(())
    })?;
    Ok(taken.value_at_quantile(0.99) as f64 / 1e3)
}
