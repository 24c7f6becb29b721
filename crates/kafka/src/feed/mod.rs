//! The log as its consumer group receives it.

mod lag;
mod membership;
mod pump;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{ChangeFeed, Record};
use kudos_core::{Kinds, PortError};
use rdkafka::Message;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::message::{Header, OwnedMessage};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use crate::client::{blocking, config, consuming};
use crate::fault::{KafkaFault, port_error};
use crate::publisher::{Outgoing, Publisher};
use crate::reader::Readers;
use crate::settings::KafkaSettings;
use lag::Lag;
use membership::{GroupContext, Membership};

/// Records that are read and decoded ahead of [`ChangeFeed::next`].
const AHEAD: usize = 2_000;
/// The longest reason that is kept with a record set aside, in characters.
const MAX_REASON: usize = 500;

type GroupConsumer = StreamConsumer<GroupContext>;

/// One member of the consumer group.
///
/// It stays a member however long its records are worked on: a task of its own serves the group, and
/// pauses the partitions while nobody takes records. A member that stops without a word is missed
/// after `session_ms`, and its partitions go to the others, from where they were committed.
pub struct KafkaFeed {
    settings: KafkaSettings,
    membership: Arc<Membership>,
    consumer: Option<Arc<GroupConsumer>>,
    records: Mutex<mpsc::Receiver<Record>>,
    lag: Arc<Lag>,
    tasks: Vec<JoinHandle<()>>,
    readers: Readers,
    publisher: Publisher,
}

impl KafkaFeed {
    /// Joins the group, as soon as Kafka is there. Has to be called within a runtime.
    ///
    /// # Errors
    /// [`KafkaFault::Setting`] if the client refuses a setting.
    pub fn join(settings: &KafkaSettings, kinds: Arc<Kinds>) -> Result<Self, KafkaFault> {
        let membership = Membership::new();
        let consumer = subscribe(settings, &membership)?;
        let (records, received) = mpsc::channel(AHEAD);
        let pump = pump::run(Arc::clone(&consumer), Arc::clone(&membership), kinds, records);
        let lag = Lag::new();
        let watch = Lag::watch(&lag, &consumer, &membership, settings);
        let readers = Readers::new(&KafkaSettings { readers: 1, ..settings.clone() });
        Ok(Self {
            publisher: Publisher::new(settings)?,
            settings: settings.clone(),
            membership,
            consumer: Some(consumer),
            records: Mutex::new(received),
            lag,
            tasks: vec![tokio::spawn(pump), tokio::spawn(watch)],
            readers,
        })
    }

    /// For each partition of this member, the records behind the last commit. Asked for every few
    /// seconds; empty until then.
    pub fn lag(&self) -> BTreeMap<u32, u64> {
        self.lag.now()
    }

    /// The partitions of this member.
    pub fn partitions(&self) -> Vec<u32> {
        self.membership.partitions()
    }

    /// Leaves the group, so that others take over at once. What was committed is kept. Takes no
    /// longer than `grace`; what is not done by then goes on without the caller.
    pub async fn leave(mut self, grace: Duration) {
        self.publisher.flush(grace).await;
        if let Some(end) = self.end() {
            let _ = tokio::time::timeout(grace, blocking(end)).await;
        }
    }

    /// What ends the membership. It blocks, until the group has answered.
    fn end(&mut self) -> Option<impl FnOnce() + Send + 'static> {
        let (consumer, tasks) = (self.consumer.take()?, std::mem::take(&mut self.tasks));
        tasks.iter().for_each(JoinHandle::abort);
        Some(move || {
            // The tasks hold the consumer, too; the last one to let go of it has to wait.
            while tasks.iter().any(|task| !task.is_finished()) {
                std::thread::yield_now();
            }
            drop(consumer);
        })
    }

    async fn letter(&self, record: &Record) -> Result<Option<OwnedMessage>, PortError> {
        let mut reader = self.readers.lease(None).await?;
        reader.record(record.partition, record.offset).await
    }
}

impl Drop for KafkaFeed {
    fn drop(&mut self) {
        if let Some(end) = self.end() {
            // Not on a thread of the runtime.
            std::thread::spawn(end);
        }
    }
}

fn subscribe(
    settings: &KafkaSettings,
    membership: &Arc<Membership>,
) -> Result<Arc<GroupConsumer>, KafkaFault> {
    let own = [
        // A group that is new, or was away for longer than the log reaches back, begins where it can.
        ("auto.offset.reset", "earliest".into()),
        ("partition.assignment.strategy", "cooperative-sticky".into()),
        ("session.timeout.ms", settings.session_ms.to_string()),
        ("heartbeat.interval.ms", (settings.session_ms / 5).max(1).to_string()),
    ];
    let config = config(settings, consuming(settings).into_iter().chain(own));
    let consumer: Result<GroupConsumer, _> =
        config.create_with_context(GroupContext(Arc::clone(membership)));
    let consumer = consumer.map_err(|error| KafkaFault::creation(&error))?;
    let subscribed = consumer.subscribe(&[&settings.topic]);
    subscribed.map_err(|error| KafkaFault::creation(&error))?;
    Ok(Arc::new(consumer))
}

#[async_trait]
impl ChangeFeed for KafkaFeed {
    async fn next(&self, limit: usize) -> Result<Vec<Record>, PortError> {
        let mut received = self.records.lock().await;
        loop {
            let mut records = Vec::with_capacity(limit.min(AHEAD));
            if received.recv_many(&mut records, limit.max(1)).await == 0 {
                return Err(PortError::Unavailable("the consumer has failed for good".into()));
            }
            // Another member has them now.
            records.retain(|record| self.membership.owns(record.partition));
            if !records.is_empty() {
                return Ok(records);
            }
        }
    }

    /// Returns before the brokers have it. If it is lost on the way, records come again.
    async fn commit(&self, done: &[(u32, u64)]) -> Result<(), PortError> {
        let news = self.membership.done(done);
        let Some(consumer) = self.consumer.as_ref().filter(|_| !news.is_empty()) else {
            return Ok(());
        };
        let mut list = TopicPartitionList::with_capacity(news.len());
        for (partition, offset) in news {
            let place = i32::try_from(partition).ok().zip(i64::try_from(offset).ok());
            let Some((partition, offset)) = place else { continue };
            list.add_partition_offset(&self.settings.topic, partition, Offset::Offset(offset))
                .map_err(|error| port_error(&error))?;
        }
        consumer.commit(&list, CommitMode::Async).map_err(|error| port_error(&error))
    }

    /// Copies the record as it stands in the log, with its place and the reason as headers.
    async fn set_aside(&self, record: &Record, reason: &str) -> Result<(), PortError> {
        let letter = self.letter(record).await?;
        let letter = letter.as_ref();
        let headers = letter.and_then(Message::headers).cloned();
        let reason: String = reason.chars().take(MAX_REASON).collect();
        let found = if letter.is_some() { "yes" } else { "no: the log has dropped it" };
        let notes = [
            ("kudos_reason", reason.as_str()),
            ("kudos_topic", &self.settings.topic),
            ("kudos_partition", &record.partition.to_string()),
            ("kudos_offset", &record.offset.to_string()),
            ("kudos_found", found),
        ];
        let headers =
            notes.into_iter().fold(headers.unwrap_or_default(), |headers, (key, value)| {
                headers.insert(Header { key, value: Some(value) })
            });
        let out = Outgoing {
            topic: &self.settings.dead_topic,
            key: letter.and_then(Message::key).unwrap_or_default(),
            body: letter.and_then(Message::payload).unwrap_or_default(),
            headers,
        };
        self.publisher.send(out).await
    }
}
