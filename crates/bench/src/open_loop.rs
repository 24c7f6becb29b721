//! Calls that begin when they should, whether or not those before have ended.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinError;

/// Makes `count` calls, `rate` of them a second, and returns how long after it should have begun
/// each ended, in their order.
pub(crate) fn run<F, E>(
    runtime: &Handle,
    (rate, count): (u32, u64),
    call: impl Fn(u64) -> F,
) -> Result<Vec<Duration>, E>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: From<JoinError> + Send + 'static,
{
    let mut calls = Vec::new();
    let mut intended = Instant::now();
    for number in 0..count {
        // The thread sleeps, for the timer of the runtime counts in whole milliseconds.
        std::thread::sleep(intended.saturating_duration_since(Instant::now()));
        let (call, begun) = (call(number), intended);
        calls.push(runtime.spawn(async move { call.await.map(|()| begun.elapsed()) }));
        intended += Duration::from_secs(1) / rate;
    }
    runtime.block_on(async {
        let mut taken = Vec::new();
        for call in calls {
            taken.push(call.await??);
        }
        Ok(taken)
    })
}

/// The 99th percentile by nearest rank, in milliseconds.
pub(crate) fn p99_ms(taken: impl IntoIterator<Item = Duration>) -> f64 {
    let mut taken: Vec<_> = taken.into_iter().collect();
    taken.sort_unstable();
    let rank = (taken.len() * 99).div_ceil(100);
    taken.get(rank.wrapping_sub(1)).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_hundred_is_above_the_99th_percentile() {
        let taken = (1..=100).rev().map(Duration::from_millis);
        assert_eq!(p99_ms(taken), 99.0);
        let taken = (1..=200).map(Duration::from_millis);
        assert_eq!(p99_ms(taken), 198.0);
        assert!(p99_ms([]).is_nan());
    }
}
