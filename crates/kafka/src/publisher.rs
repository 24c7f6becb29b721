use std::sync::Arc;
use std::time::Duration;

use kudos_core::{Change, Kinds, PortError};
use parking_lot::RwLock;
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use crate::client::{Context, Hearing, blocking, config};
use crate::event;
use crate::fault::{KafkaFault, port_error};
use crate::settings::KafkaSettings;

/// Sends records, each at least once and in order per key. Never blocks: what cannot be queued is
/// refused, and what is queued is sent, whether or not somebody waits for its delivery.
pub(crate) struct Publisher {
    settings: KafkaSettings,
    hearing: Arc<Hearing>,
    /// Made anew when it has failed for good.
    producer: RwLock<FutureProducer<Context>>,
}

/// A record to send.
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: &'a str,
    pub(crate) key: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) headers: OwnedHeaders,
}

impl Publisher {
    /// Starts a producer; Kafka may be down.
    pub(crate) fn new(settings: &KafkaSettings) -> Result<Self, KafkaFault> {
        let hearing = Hearing::new("producer");
        let producer = create(settings, &hearing).map_err(|error| KafkaFault::creation(&error))?;
        Ok(Self { settings: settings.clone(), hearing, producer: RwLock::new(producer) })
    }

    /// Sends a change to the topic of all changes, and waits until it is there.
    pub(crate) async fn publish(&self, change: &Change, kinds: &Kinds) -> Result<(), PortError> {
        let body = event::encode(change, kinds).map_err(|e| PortError::Corrupt(e.to_string()))?;
        let (topic, key) = (self.settings.topic.as_str(), change.state.post.as_str().as_bytes());
        let headers = event::headers(change);
        self.send(Outgoing { topic, key, body: &body, headers }).await
    }

    /// Queues a record at once, and waits until it is delivered or given up.
    pub(crate) async fn send(&self, out: Outgoing<'_>) -> Result<(), PortError> {
        let Outgoing { topic, key, body, headers } = out;
        let record = FutureRecord::to(topic).key(key).payload(body).headers(headers);
        let queued = self.producer.read().send_result(record);
        let delivered = match queued {
            Ok(delivery) => delivery.await.map_err(|_| KafkaError::Canceled).flatten_delivery(),
            Err((error, _)) => Err(error),
        };
        match delivered {
            Ok(()) => {
                self.hearing.well();
                Ok(())
            }
            Err(error) => {
                self.renew_if_dead();
                Err(port_error(&error))
            }
        }
    }

    /// An idempotent producer gives up for good when the broker contradicts it, as after a loss of
    /// data there. What it still held is delivered by the sweeper, as after any failure.
    fn renew_if_dead(&self) {
        let dead = || self.producer.read().client().fatal_error();
        let Some((_, reason)) = dead() else { return };
        let mut producer = self.producer.write();
        if producer.client().fatal_error().is_none() {
            return;
        }
        tracing::error!(reason, "the producer failed for good, and is started anew");
        match create(&self.settings, &self.hearing) {
            Ok(fresh) => {
                let old = std::mem::replace(&mut *producer, fresh);
                // Ends its thread, which takes a moment.
                std::thread::spawn(move || drop(old));
            }
            Err(error) => tracing::error!(%error, "no new producer"),
        }
    }

    /// Waits until all that is queued is delivered, for `grace` at most. What is left after it is
    /// dropped with the publisher. True if nothing is left.
    pub(crate) async fn flush(&self, grace: Duration) -> bool {
        let producer = self.producer.read().clone();
        blocking(move || producer.flush(grace).is_ok()).await.unwrap_or(false)
    }

    /// Records that wait to be delivered.
    pub(crate) fn queued(&self) -> u64 {
        u64::try_from(self.producer.read().in_flight_count()).unwrap_or(0)
    }
}

/// What a delivery says, without the record that it gives back.
trait FlattenDelivery {
    fn flatten_delivery(self) -> Result<(), KafkaError>;
}

impl<T, R> FlattenDelivery for Result<Result<T, (KafkaError, R)>, KafkaError> {
    fn flatten_delivery(self) -> Result<(), KafkaError> {
        self?.map(|_| ()).map_err(|(error, _)| error)
    }
}

fn create(
    settings: &KafkaSettings,
    hearing: &Arc<Hearing>,
) -> Result<FutureProducer<Context>, KafkaError> {
    let own = [
        ("enable.idempotence", "true".into()),
        ("acks", "all".into()),
        ("linger.ms", settings.linger_ms.to_string()),
        ("message.timeout.ms", settings.delivery_ms.to_string()),
        ("queue.buffering.max.messages", settings.queue_records.to_string()),
        ("queue.buffering.max.kbytes", settings.queue_kib.to_string()),
        ("compression.type", "lz4".into()),
        // As Kafka's own clients place keys, so that another program may write the topic, too.
        ("partitioner", "murmur2_random".into()),
        // A topic that is missing is told within the time of a delivery.
        ("topic.metadata.propagation.max.ms", (settings.delivery_ms / 2).to_string()),
    ];
    config(settings, own).create_with_context(Context(Arc::clone(hearing)))
}
