//! `kudosctl doctor`: what is wrong with each dependency, and what to do about it.
//!
//! What an engine has to be like is known by its adapter, which examines it. Here they are asked at
//! the same time, none for longer than [`PATIENCE`], and what they found is shown (`text.rs`).

mod text;

use std::io::Write as _;
use std::time::Duration;

use kudos_runtime::finding::{Finding, Severity};
use kudos_runtime::shutdown::Shutdown;
use kudos_runtime::start::BoxError;
use serde::Serialize;

use crate::settings::Settings;

/// Longer than any adapter takes that bounds each of its questions.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was found on one engine.
#[derive(Debug, Serialize)]
struct Examined {
    engine: &'static str,
    worst: Severity,
    findings: Vec<Finding>,
}

/// What was found on all of them.
#[derive(Debug, Serialize)]
struct Report {
    worst: Severity,
    engines: Vec<Examined>,
}

/// Examines every engine, and prints what was found. Answers with the worst of it.
pub(crate) async fn run(settings: &Settings, json: bool) -> Result<Severity, BoxError> {
    // Heard before anything is asked, and not left to the signal's own effect, which whoever starts
    // it in the background has switched off.
    let shutdown = Shutdown::new();
    shutdown.begin_on_signals()?;
    let examined = shutdown.token().run_until_cancelled_owned(Box::pin(examine(settings))).await;
    let report = examined.ok_or("stopped before everything was examined")?;
    if json {
        writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        // Takes the colours out again unless a terminal wants them (NO_COLOR).
        writeln!(anstream::stdout(), "{}", text::of(&report))?;
    }
    Ok(report.worst)
}

async fn examine(settings: &Settings) -> Report {
    let (cassandra, redis, kafka, elastic) = futures::join!(
        bounded("cassandra", kudos_cassandra::examine(&settings.cassandra, &settings.kinds)),
        bounded("redis", kudos_redis::examine(&settings.redis)),
        bounded("kafka", kudos_kafka::examine(&settings.kafka)),
        bounded("elastic", kudos_elastic::examine(&settings.elastic)),
    );
    let engines = vec![cassandra, redis, kafka, elastic];
    let worst = engines.iter().map(|examined| examined.worst).max().unwrap_or(Severity::Ok);
    Report { worst, engines }
}

async fn bounded(engine: &'static str, examined: impl Future<Output = Vec<Finding>>) -> Examined {
    let findings = tokio::time::timeout(PATIENCE, Box::pin(examined)).await.unwrap_or_else(|_| {
        let advice = "see whether it or the network is overloaded";
        let found = format!("not within {} s", PATIENCE.as_secs());
        vec![Finding::ok(engine, "answers", found).error(advice)]
    });
    let worst = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
    Examined { engine, worst, findings }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_never_answers_does_not_hold_up_the_others() {
        let (stuck, well) = futures::join!(
            bounded("stuck", std::future::pending()),
            bounded("well", async { vec![Finding::ok("a", "b", "c")] }),
        );
        assert_eq!((stuck.worst, well.worst), (Severity::Error, Severity::Ok));
        assert_eq!(stuck.findings[0].found, "not within 20 s");
    }
}
