//! The open loop.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::LoadArgs;
use super::client::{Client, Outcome, send};
use super::mix::{Ask, Mix};
use super::report::Report;

/// What is measured apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Write,
    Counts,
    Popular,
}

impl Class {
    fn of(ask: &Ask) -> Self {
        match ask {
            Ask::React { .. } => Self::Write,
            Ask::Counts { .. } => Self::Counts,
            Ask::Popular => Self::Popular,
        }
    }
}

/// Sends requests at the rate until the time is over, and waits for their answers.
pub(super) async fn run(client: Client, mix: &mut Mix, args: &LoadArgs) -> Report {
    let room = Arc::new(Semaphore::new(args.in_flight as usize));
    let mut report = Report::new(args.rate);
    let mut under_way: JoinSet<(Class, Outcome, Duration)> = JoinSet::new();
    let begun = Instant::now();
    for n in 0u64.. {
        let intended = begun + Duration::from_secs_f64(n as f64 / args.rate);
        if intended >= begun + args.duration {
            break;
        }
        sleep_until(intended).await;
        // It is never closed.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
        while let Some(done) = under_way.try_join_next() {
            report.take(done);
        }
        let ask = mix.draw();
        let (class, request) = (Class::of(&ask), client.ask(&ask, mix, &args.kinds));
        under_way.spawn(async move {
            let outcome = send(request).await;
            drop(permit);
            (class, outcome, intended.elapsed())
        });
    }
    while let Some(done) = under_way.join_next().await {
        report.take(done);
    }
    report.took(begun.elapsed());
    report
}
