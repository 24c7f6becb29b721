//! `kudosctl migrate --dry-run`: what there is to do.

use std::sync::Arc;

use kudos_cassandra::{Cassandra, ConnectError};
use kudos_core::SystemClock;
use kudos_elastic::{CheckError, Elastic};
use kudos_kafka::TopicOutcome;
use kudos_redis::{LIBRARY_VERSION, RedisLive};
use kudos_runtime::start::BoxError;

use crate::migrate::{Done, Part};
use crate::settings::Settings;

/// Looks at every engine, and changes nothing.
pub(crate) async fn inspect(settings: &Settings) -> [Done; 4] {
    let (cassandra, redis, kafka, elastic) =
        futures::join!(cassandra(settings), redis(settings), kafka(settings), elastic(settings));
    [
        Done::new("cassandra", cassandra),
        Done::new("redis", redis),
        Done::new("kafka", kafka),
        Done::new("elastic", elastic),
    ]
}

async fn cassandra(settings: &Settings) -> Result<Vec<Part>, BoxError> {
    let (kinds, clock) = (settings.kinds.clone(), Arc::new(SystemClock));
    let todo = match Cassandra::connect(&settings.cassandra, kinds, clock).await {
        Ok(_) => None,
        Err(ConnectError::NoKeyspace(_)) => Some("would be made, with all its tables".to_owned()),
        Err(ConnectError::SchemaOlder { found, needed, .. }) => {
            Some(format!("would go from schema {found} to {needed}"))
        }
        Err(error) => return Err(error.into()),
    };
    Ok(vec![part(format!("keyspace {}", settings.cassandra.keyspace), todo)])
}

async fn redis(settings: &Settings) -> Result<Vec<Part>, BoxError> {
    let kinds = Arc::new(settings.kinds.clone());
    let live = RedisLive::new(settings.redis.clone(), kinds, Arc::new(()))?;
    let lacking = live.check().await?;
    if lacking.is_empty() {
        return Ok(vec![part(format!("library {LIBRARY_VERSION}"), None)]);
    }
    let todo = || Some(format!("library {LIBRARY_VERSION} would be loaded"));
    Ok(lacking.into_iter().map(|node| part(node, todo())).collect())
}

async fn kafka(settings: &Settings) -> Result<Vec<Part>, BoxError> {
    let reports = kudos_kafka::inspect_topics(&settings.kafka).await?;
    let report = |report: kudos_kafka::TopicReport| {
        let todo = match report.outcome {
            TopicOutcome::Missing => Some("would be created".to_owned()),
            TopicOutcome::Differs(_) => Some("differs, and would be left as it is".to_owned()),
            TopicOutcome::Created | TopicOutcome::Current => None,
        };
        part(format!("topic {}", report.topic), todo)
    };
    Ok(reports.into_iter().map(report).collect())
}

async fn elastic(settings: &Settings) -> Result<Vec<Part>, BoxError> {
    let index = Elastic::new(&settings.elastic, settings.kinds.clone(), Arc::new(()))?;
    let name = format!("index {}", settings.elastic.index);
    match index.check().await {
        Ok(_) => Ok(vec![part(name, None)]),
        Err(CheckError::NoIndex(_)) => {
            Ok(vec![part(name, Some("would be made, with its template".to_owned()))])
        }
        Err(error) => Err(error.into()),
    }
}

fn part(name: String, todo: Option<String>) -> Part {
    Part { name, changed: todo.into_iter().collect() }
}
