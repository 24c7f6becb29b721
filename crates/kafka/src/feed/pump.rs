use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::Record;
use kudos_core::{Kinds, Millis};
use rdkafka::Message;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use tokio::sync::mpsc::{Permit, Sender};
use tokio::time::timeout;

use super::GroupConsumer;
use super::membership::Membership;
use crate::event;

/// How long nobody may take records until the partitions are paused. The group is not served
/// meanwhile, and a pause throws away what was read ahead: neither often, nor late.
const PATIENCE: Duration = Duration::from_secs(3);
/// Records that may come after a pause was asked for.
const STRAY: usize = 1_000;

/// Passes records on, and serves the group, until nobody is there to take them.
pub(super) async fn run(
    consumer: Arc<GroupConsumer>,
    membership: Arc<Membership>,
    kinds: Arc<Kinds>,
    records: Sender<Record>,
) {
    let pump = Pump { consumer: &consumer, membership: &membership, kinds: &kinds };
    while let Some(room) = pump.room(&records).await {
        match consumer.recv().await {
            Ok(message) => {
                membership.hearing.well();
                if let Some(record) = pump.record(&message) {
                    room.send(record);
                }
            }
            Err(KafkaError::MessageConsumptionFatal(code)) => {
                tracing::error!(?code, "the consumer has failed for good");
                return;
            }
            // Heard by the context; the client tries again by itself.
            Err(_) => {}
        }
        tokio::task::coop::consume_budget().await;
    }
}

struct Pump<'a> {
    consumer: &'a GroupConsumer,
    membership: &'a Membership,
    kinds: &'a Kinds,
}

impl Pump<'_> {
    /// Waits for room for one record; none if nobody will ever take one.
    async fn room<'a>(&self, records: &'a Sender<Record>) -> Option<Permit<'a, Record>> {
        if let Ok(room) = records.try_reserve() {
            return Some(room);
        }
        match timeout(PATIENCE, records.reserve()).await {
            Ok(room) => room.ok(),
            Err(_) => self.hold(records).await,
        }
    }

    /// Pauses the partitions until there is room, and serves the group meanwhile.
    async fn hold<'a>(&self, records: &'a Sender<Record>) -> Option<Permit<'a, Record>> {
        self.membership.hold(true);
        let paused = self.consumer.assignment().and_then(|list| self.consumer.pause(&list));
        let mut stray = Vec::new();
        let room = loop {
            tokio::select! {
                room = records.reserve() => break room.ok(),
                event = self.consumer.recv(), if stray.len() < STRAY => {
                    stray.extend(event.ok().and_then(|message| self.record(&message)));
                }
            }
        };
        self.membership.hold(false);
        let resumed = self.consumer.assignment().and_then(|list| self.consumer.resume(&list));
        if let Err(error) = paused.and(resumed) {
            tracing::warn!(%error, "partitions were not paused, or do not go on");
        }
        match stray.is_empty() {
            true => room,
            false => self.first(stray, room?, records).await,
        }
    }

    /// Passes stray records on before all others, and waits for room again.
    async fn first<'a>(
        &self,
        stray: Vec<Record>,
        room: Permit<'a, Record>,
        records: &'a Sender<Record>,
    ) -> Option<Permit<'a, Record>> {
        let mut room = room;
        for record in stray {
            room.send(record);
            room = records.reserve().await.ok()?;
        }
        Some(room)
    }

    fn record(&self, message: &BorrowedMessage<'_>) -> Option<Record> {
        event::received(message.headers(), message.partition(), message.offset());
        let change = event::decode(message.payload().unwrap_or_default(), self.kinds);
        Some(Record {
            partition: u32::try_from(message.partition()).ok()?,
            offset: u64::try_from(message.offset()).ok()?,
            at: Millis(message.timestamp().to_millis().map_or(0, i64::cast_unsigned)),
            change: change.map_err(|error| error.to_string()),
        })
    }
}
