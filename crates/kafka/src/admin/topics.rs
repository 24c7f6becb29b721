use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use serde::Deserialize;

use super::check::partitions;
use super::{PATIENCE, metadata};
use crate::client::{Context, Hearing, config};
use crate::fault::{Class, KafkaFault};
use crate::settings::KafkaSettings;

/// What the topics have to be like.
const DECLARED: &str = include_str!("../../../../migrations/kafka/topics.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    log: BTreeMap<String, String>,
    dead: BTreeMap<String, String>,
}

/// A topic as it has to be.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) partitions: usize,
    pub(super) config: BTreeMap<String, String>,
}

/// What became of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicReport {
    /// Its name.
    pub topic: String,
    /// What was found, or done.
    pub outcome: TopicOutcome,
}

/// What was found, or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicOutcome {
    /// It is not there.
    Missing,
    /// It was made.
    Created,
    /// It is as it has to be.
    Current,
    /// It is there, and differs. Nothing was changed: other partitions would break the order of a
    /// post's changes, and less retention would delete some.
    Differs(Vec<Difference>),
}

/// A setting of a topic that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `partitions`, or a setting of the topic by Kafka's name.
    pub setting: String,
    /// As it is.
    pub is: String,
    /// As it has to be.
    pub wanted: String,
}

/// Compares the topics with what they have to be, and changes nothing.
///
/// # Errors
/// As [`check`](super::check), but for missing topics: they are in the report.
pub async fn inspect_topics(settings: &KafkaSettings) -> Result<Vec<TopicReport>, KafkaFault> {
    inspect(settings).await.map(|(_, reports)| reports)
}

/// Makes the topics that are missing, and compares the others. Done twice, it changes nothing.
///
/// # Errors
/// As [`inspect_topics`]; or a topic could not be made.
pub async fn migrate_topics(settings: &KafkaSettings) -> Result<Vec<TopicReport>, KafkaFault> {
    let (admin, mut reports) = inspect(settings).await?;
    for wanted in wanted(settings) {
        let missing = |report: &&mut TopicReport| {
            report.topic == wanted.name && report.outcome == TopicOutcome::Missing
        };
        if let Some(report) = reports.iter_mut().find(missing) {
            create(&admin, &wanted).await?;
            report.outcome = TopicOutcome::Created;
        }
    }
    Ok(reports)
}

/// A client that makes and describes topics.
pub(super) struct Admin<'a> {
    client: AdminClient<Context>,
    settings: &'a KafkaSettings,
}

impl<'a> Admin<'a> {
    pub(super) fn new(settings: &'a KafkaSettings) -> Result<Self, KafkaFault> {
        let client = config(settings, []).create_with_context(Context(Hearing::new("admin")));
        Ok(Self { client: client.map_err(|error| KafkaFault::creation(&error))?, settings })
    }

    fn fault(&self, error: &KafkaError) -> KafkaFault {
        KafkaFault::of(Class::of(error), error.to_string(), self.settings)
    }

    /// The settings of a topic that is there.
    pub(super) async fn describe(
        &self,
        topic: &str,
        patience: Duration,
    ) -> Result<ConfigResource, KafkaFault> {
        let resource = [ResourceSpecifier::Topic(topic)];
        let described = self.client.describe_configs(&resource, &options(patience)).await;
        match described.map_err(|error| self.fault(&error))?.into_iter().next() {
            Some(Ok(config)) => Ok(config),
            Some(Err(code)) => Err(KafkaFault::Other(format!("{topic}: {code}"))),
            None => Err(KafkaFault::Other(format!("{topic} is not described"))),
        }
    }
}

pub(super) fn wanted(settings: &KafkaSettings) -> [Wanted; 2] {
    let Declared { log, dead } =
        toml::from_str(DECLARED).expect("the file is compiled in, and tested");
    let (name, partitions) = (settings.topic.clone(), settings.partitions as usize);
    let log = Wanted { name, partitions, config: log };
    [log, Wanted { name: settings.dead_topic.clone(), partitions: 1, config: dead }]
}

async fn inspect(settings: &KafkaSettings) -> Result<(Admin<'_>, Vec<TopicReport>), KafkaFault> {
    let (metadata, admin) = (metadata(settings).await?, Admin::new(settings)?);
    let mut reports = Vec::new();
    for wanted in wanted(settings) {
        let outcome = compare(&admin, &metadata, &wanted).await?;
        reports.push(TopicReport { topic: wanted.name, outcome });
    }
    Ok((admin, reports))
}

async fn compare(
    admin: &Admin<'_>,
    metadata: &Metadata,
    wanted: &Wanted,
) -> Result<TopicOutcome, KafkaFault> {
    let Some(partitions) = partitions(metadata, &wanted.name) else {
        return Ok(TopicOutcome::Missing);
    };
    let described = admin.describe(&wanted.name, PATIENCE).await?;
    let differences = differences(wanted, partitions, &described);
    Ok(match differences.is_empty() {
        true => TopicOutcome::Current,
        false => TopicOutcome::Differs(differences),
    })
}

fn differences(wanted: &Wanted, partitions: usize, config: &ConfigResource) -> Vec<Difference> {
    let partitions =
        ("partitions".to_owned(), partitions.to_string(), wanted.partitions.to_string());
    let settings = wanted.config.iter().map(|(name, value)| {
        let is = config.get(name).and_then(|entry| entry.value.clone()).unwrap_or_default();
        (name.clone(), is, value.clone())
    });
    let all = std::iter::once(partitions).chain(settings);
    all.filter(|(_, is, wanted)| is != wanted)
        .map(|(setting, is, wanted)| Difference { setting, is, wanted })
        .collect()
}

async fn create(admin: &Admin<'_>, wanted: &Wanted) -> Result<(), KafkaFault> {
    let partitions = i32::try_from(wanted.partitions).unwrap_or(i32::MAX);
    // Without a number, the brokers know theirs.
    let copies = admin.settings.replication.map_or(-1, i32::from);
    let mut topic = NewTopic::new(&wanted.name, partitions, TopicReplication::Fixed(copies));
    for (name, value) in &wanted.config {
        topic = topic.set(name, value);
    }
    let created = admin.client.create_topics([&topic], &options(PATIENCE)).await;
    match created.map_err(|error| admin.fault(&error))?.into_iter().next() {
        // Another migration at the same time was faster, which is as good.
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        Some(Err((name, code))) => {
            Err(KafkaFault::of(Class::of_code(code), format!("{name}: {code}"), admin.settings))
        }
        _ => Ok(()),
    }
}

fn options(patience: Duration) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(patience)).operation_timeout(Some(patience))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declared_topics_can_be_read() {
        let [log, dead] = wanted(&KafkaSettings::default());
        assert_eq!((log.name.as_str(), log.partitions), ("reactions", 12));
        assert_eq!(log.config["retention.ms"], (7 * 24 * 3_600_000).to_string());
        assert_eq!((dead.name.as_str(), dead.partitions), ("reactions.dead", 1));
    }
}
