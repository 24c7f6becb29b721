use rdkafka::metadata::Metadata;

use super::metadata;
use crate::fault::KafkaFault;
use crate::settings::KafkaSettings;

/// Whether Kafka can be used with these settings, in 10 seconds at most.
///
/// # Errors
/// What is wrong, with the settings to look at: nobody answers, no TLS, a wrong password, a missing
/// topic.
pub async fn check(settings: &KafkaSettings) -> Result<(), KafkaFault> {
    let metadata = metadata(settings).await?;
    let topics = [("kafka.topic", &settings.topic), ("kafka.dead_topic", &settings.dead_topic)];
    match topics.into_iter().find(|(_, topic)| partitions(&metadata, topic).is_none()) {
        None => Ok(()),
        Some((setting, topic)) => Err(KafkaFault::NoTopic { topic: topic.clone(), setting }),
    }
}

/// How many partitions a topic has; none if there is no such topic.
pub(super) fn partitions(metadata: &Metadata, topic: &str) -> Option<usize> {
    let found = metadata.topics().iter().find(|found| found.name() == topic)?;
    Some(found.partitions().len()).filter(|&partitions| partitions > 0)
}
