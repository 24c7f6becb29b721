//! `kudosctl migrate`: brings what the suite needs on each engine up to date.
//!
//! The engines are independent of each other, so one that fails does not keep the others from
//! being done; running it again goes on where it stopped. A dry run is in `inspect.rs`.

use std::io::Write;
use std::sync::Arc;

use kudos_kafka::{TopicOutcome, TopicReport};
use kudos_redis::{LIBRARY_VERSION, Migrated, RedisLive};
use kudos_runtime::start::{BoxError, Chain};
use serde::Serialize;

use crate::inspect::inspect;
use crate::settings::Settings;

/// What was found on one engine, and done.
#[derive(Debug, Serialize)]
pub(crate) struct Done {
    engine: &'static str,
    /// What the lines are about, and what was changed of it; nothing if all was in place.
    parts: Vec<Part>,
    /// Why not all could be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) changed: Vec<String>,
}

/// Does it, or with `dry_run` looks what there is to do, and prints it. False if something failed.
pub(crate) async fn run(settings: &Settings, dry_run: bool, json: bool) -> Result<bool, BoxError> {
    let done = match dry_run {
        true => Box::pin(inspect(settings)).await,
        false => Box::pin(migrate(settings)).await,
    };
    let text = if json { serde_json::to_string_pretty(&done)? } else { text(&done) };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(done.iter().all(|done| done.error.is_none()))
}

async fn migrate(settings: &Settings) -> [Done; 4] {
    let (cassandra, redis, kafka, elastic) =
        futures::join!(cassandra(settings), redis(settings), kafka(settings), elastic(settings));
    [
        Done::new("cassandra", cassandra),
        Done::new("redis", redis),
        kafka,
        Done::new("elastic", elastic),
    ]
}

async fn cassandra(settings: &Settings) -> Result<Vec<Part>, BoxError> {
    let kudos_cassandra::Report { applied, version } =
        kudos_cassandra::migrate(&settings.cassandra).await?;
    let name = format!("keyspace {}, schema {version}", settings.cassandra.keyspace);
    let changed = applied.into_iter().map(|file| format!("applied {file}")).collect();
    Ok(vec![Part { name, changed }])
}

async fn redis(settings: &Settings) -> Result<Vec<Part>, BoxError> {
    let kinds = Arc::new(settings.kinds.clone());
    let live = RedisLive::new(settings.redis.clone(), kinds, Arc::new(()))
        .map_err(|invalid| format!("redis.{}: {}", invalid.key, invalid.problem))?;
    let part = |(node, migrated)| {
        let changed = match migrated {
            Migrated::Unchanged => Vec::new(),
            Migrated::Loaded { before: None } => vec!["loaded the library".to_owned()],
            Migrated::Loaded { before: Some(version) } => {
                vec![format!("replaced the library's version {version}")]
            }
        };
        Part { name: format!("{node}, library {LIBRARY_VERSION}"), changed }
    };
    Ok(live.migrate().await?.into_iter().map(part).collect())
}

/// A topic that differs is shown beside those that were made.
async fn kafka(settings: &Settings) -> Done {
    let reports = match kudos_kafka::migrate_topics(&settings.kafka).await {
        Ok(reports) => reports,
        Err(fault) => return Done::new("kafka", Err(fault.into())),
    };
    let differs = |report: &TopicReport| match &report.outcome {
        TopicOutcome::Differs(differences) => {
            let each = differences.iter().map(|difference| {
                format!("{} is {}, not {}", difference.setting, difference.is, difference.wanted)
            });
            let each = each.collect::<Vec<_>>().join(", ");
            Some(format!("topic {} is left as it is: {each}", report.topic))
        }
        _ => None,
    };
    let differing: Vec<_> = reports.iter().filter_map(differs).collect();
    let parts = reports.into_iter().map(|report| {
        let created = report.outcome == TopicOutcome::Created;
        let changed = created.then(|| "created".to_owned()).into_iter().collect();
        Part { name: format!("topic {}", report.topic), changed }
    });
    let error = (!differing.is_empty()).then(|| differing.join("; "));
    Done { engine: "kafka", parts: parts.collect(), error }
}

async fn elastic(settings: &Settings) -> Result<Vec<Part>, BoxError> {
    let kudos_elastic::Report { index, schema, applied } =
        kudos_elastic::migrate(&settings.elastic).await?;
    let changed = applied.into_iter().map(|what| format!("set {what}")).collect();
    Ok(vec![Part { name: format!("index {index}, schema {schema}"), changed }])
}

impl Done {
    pub(crate) fn new(engine: &'static str, parts: Result<Vec<Part>, BoxError>) -> Self {
        match parts {
            Ok(parts) => Self { engine, parts, error: None },
            Err(error) => {
                Self { engine, parts: Vec::new(), error: Some(Chain(&*error).to_string()) }
            }
        }
    }
}

fn text(done: &[Done]) -> String {
    let mut lines = Vec::new();
    for Done { engine, parts, error } in done {
        for Part { name, changed } in parts {
            let what = if changed.is_empty() { "unchanged".into() } else { changed.join(", ") };
            lines.push(format!("{engine:<10} {name}: {what}"));
        }
        lines.extend(error.iter().map(|error| format!("{engine:<10} failed: {error}")));
    }
    lines.join("\n")
}
