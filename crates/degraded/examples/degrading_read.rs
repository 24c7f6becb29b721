//! A cache dies in the middle of a run of reads: the answers go on, and say what happened.
//!
//! `cargo run -p kudos-degraded --example degrading_read`
#![expect(clippy::print_stdout, reason = "an example shows its answers")]

use std::time::{Duration, Instant};

use kudos_degraded::{
    Breaker, BreakerConfig, ChainError, Deadline, FallbackChain, Observer, Reason, Source, State,
};

/// Stands for a service's metrics.
struct Metrics;

impl Observer for Metrics {
    fn breaker_moved(&self, breaker: &str, to: State) {
        println!("        metric: breaker_state{{node={breaker}}} {}", to.as_str());
    }
}

/// Answers the first three reads, then hangs.
async fn cache(read: u32) -> Result<u32, Reason> {
    if read > 3 {
        std::future::pending::<()>().await;
    }
    Ok(100 + read)
}

async fn disk(read: u32) -> Result<u32, Reason> {
    Ok(100 + read)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = BreakerConfig { failures: 3, ..BreakerConfig::default() };
    let node = Breaker::observed("cache-1", config, std::sync::Arc::new(Metrics))?;
    for read in 1..=9 {
        show(&node, read).await?;
    }
    Ok(())
}

async fn show(node: &Breaker, read: u32) -> Result<(), ChainError> {
    let start = Instant::now();
    let answer = FallbackChain::new("reads", Deadline::after(Duration::from_millis(400)))
        .source(Source::new("cache", Duration::from_millis(40)).behind(node), |_| cache(read))
        .await
        .source(Source::new("disk", Duration::from_millis(150)), |_| disk(read))
        .await
        .finish()?;
    let why = answer.tried.first().map_or("", |attempt| attempt.reason.as_str());
    println!(
        "read {read}: {} from {}, degraded: {} {why} ({} ms)",
        answer.value,
        answer.source,
        answer.degraded,
        start.elapsed().as_millis(),
    );
    Ok(())
}
