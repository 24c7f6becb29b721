use std::sync::Arc;
use std::time::{Duration, Instant};

use kudos_core::{Millis, PortError};
use parking_lot::Mutex;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Semaphore;

use crate::asking::Asking;
use crate::client::{Context, blocking};
use crate::fault::{KafkaFault, port_error};
use crate::settings::KafkaSettings;

/// Questions that are asked at the same time; each blocks a thread.
const QUESTIONS: usize = 4;
/// How long the number of partitions is believed.
const BELIEVED: Duration = Duration::from_secs(10);

/// Where something is in each partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The first record that is still held.
    Beginning,
    /// Behind the last record.
    End,
    /// The first record of that time or later; the end if there is none.
    Since(Millis),
}

/// Asks the brokers where the topic begins and ends.
pub(crate) struct Offsets {
    topic: String,
    deadline: Duration,
    asking: Asking,
    partitions: Mutex<Option<(Instant, u32)>>,
    questions: Semaphore,
}

impl Offsets {
    /// Has to be called within a runtime.
    pub(crate) fn new(settings: &KafkaSettings) -> Result<Self, KafkaFault> {
        Ok(Self {
            topic: settings.topic.clone(),
            deadline: settings.request(),
            asking: Asking::new(settings, "offsets")?,
            partitions: Mutex::default(),
            questions: Semaphore::new(QUESTIONS),
        })
    }

    /// How many partitions the topic has.
    pub(crate) async fn partitions(&self) -> Result<u32, PortError> {
        if let Some((since, partitions)) = *self.partitions.lock()
            && since.elapsed() < BELIEVED
        {
            return Ok(partitions);
        }
        let topic = self.topic.clone();
        let partitions = self.ask(move |consumer, deadline| {
            let metadata = consumer.fetch_metadata(Some(&topic), deadline)?;
            Ok(metadata.topics().first().map_or(0, |topic| topic.partitions().len()))
        });
        let partitions = u32::try_from(partitions.await?).unwrap_or(0);
        if partitions == 0 {
            let missing = format!("no topic `{}`: run `kudosctl migrate`", self.topic);
            return Err(PortError::Unavailable(missing));
        }
        *self.partitions.lock() = Some((Instant::now(), partitions));
        Ok(partitions)
    }

    /// The offset of a place in each partition: one question to each broker.
    pub(crate) async fn find(&self, place: Place) -> Result<Vec<u64>, PortError> {
        let partitions = self.partitions().await?;
        let found = self.look_up(place, partitions).await?;
        if found.iter().all(Option::is_some) {
            return Ok(found.into_iter().flatten().collect());
        }
        // No record is that young: the end stands for it.
        let ends = self.look_up(Place::End, partitions).await?;
        let known = found.into_iter().zip(ends).map(|(found, end)| found.or(end));
        let unknown = || PortError::Unavailable("a partition does not tell its end".into());
        known.collect::<Option<_>>().ok_or_else(unknown)
    }

    async fn look_up(&self, place: Place, partitions: u32) -> Result<Vec<Option<u64>>, PortError> {
        let topic = self.topic.clone();
        self.ask(move |consumer, deadline| {
            let list = listed(&topic, 0..partitions, as_time(place))?;
            let list = consumer.offsets_for_times(list, deadline)?;
            let mut found = vec![None; partitions as usize];
            for element in list.elements() {
                element.error()?;
                let place = usize::try_from(element.partition()).ok();
                if let Some(slot) = place.and_then(|place| found.get_mut(place)) {
                    *slot = known(element.offset());
                }
            }
            Ok(found)
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&StreamConsumer<Context>, Duration) -> KafkaResult<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let permit = tokio::time::timeout(self.deadline, self.questions.acquire()).await;
        let _permit = permit.map_err(|_| PortError::Busy { retry_after: self.deadline })?;
        let (consumer, deadline) = (Arc::clone(&self.asking.consumer), self.deadline);
        match blocking(move || question(&consumer, deadline)).await? {
            Ok(answer) => {
                self.asking.hearing.well();
                Ok(answer)
            }
            Err(error) => Err(port_error(&error)),
        }
    }
}

/// Kafka takes the beginning and the end for times, too.
fn as_time(place: Place) -> Offset {
    match place {
        Place::Beginning => Offset::Beginning,
        Place::End => Offset::End,
        Place::Since(Millis(at)) => Offset::Offset(i64::try_from(at).unwrap_or(i64::MAX)),
    }
}

/// Partitions of a topic, all with one offset.
pub(crate) fn listed(
    topic: &str,
    partitions: impl Iterator<Item = u32>,
    offset: Offset,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for partition in partitions.filter_map(|partition| i32::try_from(partition).ok()) {
        list.add_partition(topic, partition);
    }
    list.set_all_offsets(offset)?;
    Ok(list)
}

/// The offset as a number; none for "behind the last".
pub(crate) fn known(offset: Offset) -> Option<u64> {
    match offset {
        Offset::Offset(offset) => u64::try_from(offset).ok(),
        _ => None,
    }
}
