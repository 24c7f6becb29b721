//! `kudosctl rebuild`: fills Redis anew, from Cassandra or from Kafka. What it does is in the crate
//! `kudos-rebuild`; here are its words, its progress and its exit codes.

mod args;
mod report;
mod show;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use kudos_cassandra::Cassandra;
use kudos_core::ports::{PostIndex, Reach};
use kudos_core::{Clock, Kinds, SystemClock};
use kudos_elastic::Elastic;
use kudos_kafka::KafkaLog;
use kudos_rebuild::{Checkpoint, Limits, Ports, Progress, Rebuild, Rest, Scope};
use kudos_redis::{Orders, ReadReplicas, RedisLive, RedisSettings, slot_of};
use kudos_runtime::start::BoxError;
use serde::Serialize;

use crate::EXIT_DIFFERENT;
use crate::settings::Settings;
pub(crate) use args::RebuildArgs;
use args::{RestSource, Source};

/// As a shell shows a process that SIGINT has ended.
const EXIT_INTERRUPTED: u8 = 130;

/// What is printed as JSON.
#[derive(Serialize)]
struct Document<'a, R> {
    from: &'a str,
    dry_run: bool,
    /// The events that would be replayed at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    would_replay: Option<u64>,
    #[serde(flatten)]
    report: &'a R,
}

/// How it ended.
struct Outcome {
    text: String,
    right: bool,
}

/// Rebuilds, shows progress, and prints what it came to.
pub(crate) async fn run(
    settings: &Settings,
    args: &RebuildArgs,
    json: bool,
) -> Result<ExitCode, BoxError> {
    let of = args.describe(settings);
    let checkpoint = match args.resume {
        true => Checkpoint::resume(&args.checkpoint, &of).await?,
        false => Checkpoint::new(&args.checkpoint, &of),
    };
    let progress = Arc::new(Progress::new(show::replayed));
    let done = tokio::select! {
        biased;
        () = interrupted() => None,
        done = Box::pin(rebuild(settings, args, &checkpoint, &progress, json)) => Some(done),
        () = show::follow(&progress) => None,
    };
    match done {
        Some(Ok(Outcome { text, right })) => {
            writeln!(std::io::stdout(), "{text}")?;
            Ok(if right { ExitCode::SUCCESS } else { ExitCode::from(EXIT_DIFFERENT) })
        }
        Some(Err(error)) => {
            checkpoint.save_if_begun().await?;
            Err(error)
        }
        None => {
            checkpoint.save_if_begun().await?;
            show::print(match args.dry_run {
                true => "interrupted",
                false => "interrupted: --resume continues",
            });
            Ok(ExitCode::from(EXIT_INTERRUPTED))
        }
    }
}

async fn rebuild(
    settings: &Settings,
    args: &RebuildArgs,
    checkpoint: &Checkpoint,
    progress: &Arc<Progress>,
    json: bool,
) -> Result<Outcome, BoxError> {
    let (kinds, clock) = (settings.kinds.clone(), Arc::new(SystemClock));
    let truth = Cassandra::connect(&settings.cassandra, kinds.clone(), clock.clone()).await?;
    let live = RedisLive::new(patient(&settings.redis), Arc::new(kinds), Arc::new(()))?;
    let live = Arc::new(live);
    live.check().await?;
    let ports = Ports {
        truth: truth.store.clone(),
        posts: truth.store.clone(),
        live: live.clone(),
        holdings: live.clone(),
        completeness: Arc::new(Orders::new(Arc::clone(&live))),
        clock,
    };
    let rebuild = Rebuild::new(ports, scope(args, &live), Limits::default(), Arc::clone(progress));
    if args.dry_run {
        return preview(&rebuild, settings, args, json).await;
    }
    match args.from {
        Source::Cassandra => {
            let index = index(settings);
            let report = rebuild.from_truth(index.as_deref(), checkpoint).await?;
            outcome(args, json, &report, None, report.is_right(), report::from_truth(&report))
        }
        Source::Kafka => {
            let log = log(settings)?;
            let rest = match args.rest_from {
                Some(RestSource::Cassandra) => Rest::FromTruth,
                None => Rest::Named,
            };
            let report = rebuild.from_log(&log, args.since(), rest, checkpoint).await?;
            let span = humantime::format_duration(args.since()).to_string();
            let text = report::from_log(&report, &span);
            outcome(args, json, &report, None, report.is_right(), text)
        }
    }
}

async fn preview(
    rebuild: &Rebuild,
    settings: &Settings,
    args: &RebuildArgs,
    json: bool,
) -> Result<Outcome, BoxError> {
    let events = match args.from {
        Source::Cassandra => None,
        Source::Kafka => Some(rebuild.span_of_log(&log(settings)?, args.since()).await?),
    };
    let report = rebuild.preview().await?;
    let text = report::preview(&report, events);
    outcome(args, json, &report, events, true, text)
}

fn outcome<R: Serialize>(
    args: &RebuildArgs,
    json: bool,
    report: &R,
    would_replay: Option<u64>,
    right: bool,
    text: String,
) -> Result<Outcome, BoxError> {
    let from = match args.from {
        Source::Cassandra => "cassandra",
        Source::Kafka => "kafka",
    };
    let document = Document { from, dry_run: args.dry_run, would_replay, report };
    let text = if json { serde_json::to_string_pretty(&document)? } else { text };
    Ok(Outcome { text, right })
}

/// Nobody waits for a page here, so a server may take its time; and what a replica says may be old.
fn patient(settings: &RedisSettings) -> RedisSettings {
    RedisSettings {
        connect_ms: settings.connect_ms.max(1_000),
        response_ms: settings.response_ms.max(2_000),
        total_ms: settings.total_ms.max(5_000),
        read_replicas: ReadReplicas::Never,
        ..settings.clone()
    }
}

fn scope(args: &RebuildArgs, live: &Arc<RedisLive>) -> Scope {
    let reach = args.slots.clone().map(|slots| {
        let live = Arc::clone(live);
        let reach: Reach = Arc::new(move |post| {
            let [hash, ..] = live.keys_of(post);
            slots.contains(slot_of(&hash))
        });
        reach
    });
    Scope {
        posts: (!args.posts.is_empty()).then(|| args.posts.clone()),
        since: args.window.map(|window| SystemClock.now().minus(window)),
        reach,
    }
}

/// Who knows the hottest posts, if it is there.
fn index(settings: &Settings) -> Option<Box<dyn PostIndex>> {
    let index = Elastic::new(&settings.elastic, settings.kinds.clone(), Arc::new(()));
    index.ok().map(|index| Box::new(index) as Box<dyn PostIndex>)
}

fn log(settings: &Settings) -> Result<KafkaLog, BoxError> {
    let kinds: Arc<Kinds> = Arc::new(settings.kinds.clone());
    Ok(KafkaLog::new(&settings.kafka, kinds)?)
}

/// Waits until somebody asks the process to stop.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler, the signal itself ends the process.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
