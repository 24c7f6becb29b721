//! `kudosctl rebuild`: fills Redis anew, from Cassandra or from Kafka. What it does is in the crate
//! `kudos-rebuild`; here are its words, its progress and its exit codes.

mod args;
mod report;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::Reach;
use kudos_core::{Clock, Kinds, SystemClock};
use kudos_kafka::KafkaLog;
use kudos_rebuild::{self as rebuild, Checkpoint, Limits, Ports, Progress, Rebuild, Rest, Scope};
use kudos_redis::{Orders, RedisLive, slot_of};
use kudos_runtime::shutdown::Shutdown;
use kudos_runtime::start::BoxError;
use kudos_verify::Report;
use serde::Serialize;
use serde_json::json;

use crate::copies::Copies;
use crate::progress::{Display, Step, print};
use crate::settings::Settings;
use crate::{EXIT_DIFFERENT, EXIT_INTERRUPTED};
pub(crate) use args::RebuildArgs;
use args::{RestSource, Source};

/// How often it is looked how far it is.
const EVERY: Duration = Duration::from_millis(250);

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

/// What a rebuild would change.
#[derive(Serialize)]
struct Preview<'a> {
    verified: &'a Report,
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
    let shutdown = Shutdown::new();
    shutdown.begin_on_signals()?;
    let stop = shutdown.token();
    let progress = Arc::new(Progress::new(replayed));
    let work = Box::pin(rebuild(settings, args, &checkpoint, &progress, json));
    let done = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        done = work => Some(done),
        () = follow(&progress) => None,
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
            print(match args.dry_run {
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
    let copies = Copies::open(settings).await?;
    let (truth, live) = (copies.truth.store.clone(), copies.live.clone());
    live.check().await?;
    let ports = Ports {
        truth,
        mirrors: copies.of_redis(),
        live: live.clone(),
        completeness: Arc::new(Orders::new(live.clone())),
        clock: Arc::new(SystemClock),
        kinds: settings.kinds.clone(),
    };
    let rebuild = Rebuild::new(ports, scope(args, &live), Limits::default(), Arc::clone(progress));
    if args.dry_run {
        return preview(&rebuild, settings, args, json).await;
    }
    match args.from {
        Source::Cassandra => {
            let report = rebuild.from_truth(Some(&*copies.index), checkpoint).await?;
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
    let verified = rebuild.preview().await;
    let text = report::preview(&verified, events);
    let complete = verified.is_complete();
    outcome(args, json, &Preview { verified: &verified }, events, complete, text)
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

fn scope(args: &RebuildArgs, live: &Arc<RedisLive>) -> Scope {
    let reach = args.slots.clone().map(|slots| {
        let live = Arc::clone(live);
        let reach: Reach = Arc::new(move |post| {
            let [hash, ..] = live.keys_of(post);
            slots.contains(slot_of(&hash))
        });
        reach
    });
    let since = args.window.map(|window| SystemClock.now().minus(window));
    match (args.posts.is_empty(), since, reach) {
        (false, ..) => Scope::Posts(args.posts.clone()),
        (true, None, None) => Scope::All,
        (true, since, reach) => Scope::Part { since, reach },
    }
}

fn log(settings: &Settings) -> Result<KafkaLog, BoxError> {
    let kinds: Arc<Kinds> = Arc::new(settings.kinds.clone());
    Ok(KafkaLog::new(&settings.kafka, kinds)?)
}

/// Shows how far it is, for ever.
async fn follow(progress: &Progress) {
    let mut display = Display::new();
    loop {
        let rebuild::Step { phase, done, part, differing, waits } = progress.step();
        display.show(&Step { task: phase.as_str(), done, part, differing, waits });
        tokio::time::sleep(EVERY).await;
    }
}

/// A line of its own for so many events, whatever else is shown.
fn replayed(events: u64) {
    match std::io::stderr().is_terminal() {
        true => print(&format!("\rreplayed {events} events")),
        false => print(&json!({ "event": "replayed", "events": events }).to_string()),
    }
}
