use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use parking_lot::Mutex;
use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;

use super::GroupConsumer;
use super::membership::Membership;
use crate::client::blocking;
use crate::offsets::{known, listed};
use crate::settings::KafkaSettings;

/// How often the brokers are asked.
const EVERY: Duration = Duration::from_secs(5);

/// How far this member is behind, per partition.
#[derive(Debug, Default)]
pub(super) struct Lag(Mutex<BTreeMap<u32, u64>>);

impl Lag {
    /// Shown as the metric `kudos_feed_lag`.
    pub(super) fn new() -> Arc<Self> {
        let lag = Arc::new(Self::default());
        let shown = Arc::downgrade(&lag);
        kudos_runtime::metrics::meter()
            .u64_observable_gauge("kudos_feed_lag")
            .with_description("Records of the log that are not applied yet, per partition")
            .with_callback(move |observer| {
                let lag = shown.upgrade();
                for (partition, behind) in lag.iter().flat_map(|lag| lag.now()) {
                    observer.observe(behind, &[KeyValue::new("partition", i64::from(partition))]);
                }
            })
            .build();
        lag
    }

    pub(super) fn now(&self) -> BTreeMap<u32, u64> {
        self.0.lock().clone()
    }

    /// Keeps it up to date for as long as the future is polled.
    pub(super) fn watch(
        lag: &Arc<Self>,
        consumer: &Arc<GroupConsumer>,
        membership: &Arc<Membership>,
        settings: &KafkaSettings,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (lag, settings) = (Arc::clone(lag), settings.clone());
        let (consumer, membership) = (Arc::clone(consumer), Arc::clone(membership));
        async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let (consumer, settings) = (Arc::clone(&consumer), settings.clone());
                let member = Arc::clone(&membership);
                let measured = blocking(move || measure(&consumer, &member, &settings)).await;
                // Without an answer the last one stands: the alert is on what it shows.
                if let Ok(Ok(measured)) = measured {
                    *lag.0.lock() = measured;
                }
            }
        }
    }
}

fn measure(
    consumer: &GroupConsumer,
    membership: &Membership,
    settings: &KafkaSettings,
) -> KafkaResult<BTreeMap<u32, u64>> {
    let (topic, deadline) = (settings.topic.as_str(), settings.request());
    let owned = membership.partitions();
    if owned.is_empty() {
        return Ok(BTreeMap::new());
    }
    let list = |offset| listed(topic, owned.iter().copied(), offset);
    let ends = consumer.offsets_for_times(list(Offset::End)?, deadline)?;
    let starts = consumer.offsets_for_times(list(Offset::Beginning)?, deadline)?;
    let committed = consumer.committed_offsets(list(Offset::Invalid)?, deadline)?;
    let mut behind = BTreeMap::new();
    for partition in owned {
        let Ok(place) = i32::try_from(partition) else { continue };
        let at = |list: &rdkafka::TopicPartitionList| {
            list.find_partition(topic, place).and_then(|element| known(element.offset()))
        };
        let done = membership.committed(partition).max(at(&committed)).max(at(&starts));
        if let (Some(end), Some(done)) = (at(&ends), done) {
            behind.insert(partition, end.saturating_sub(done));
        }
    }
    Ok(behind)
}
