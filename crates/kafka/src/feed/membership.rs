use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};

use crate::client::{Context, Hearing};

/// What this member of the group has to do with.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) hearing: Arc<Hearing>,
    /// Its partitions, and how far each was committed by this member.
    owned: Mutex<BTreeMap<u32, Option<u64>>>,
    /// Whether the partitions are paused.
    held: AtomicBool,
}

impl Membership {
    pub(super) fn new() -> Arc<Self> {
        let hearing = Hearing::new("consumer");
        Arc::new(Self { hearing, owned: Mutex::default(), held: AtomicBool::new(false) })
    }

    pub(super) fn owns(&self, partition: u32) -> bool {
        self.owned.lock().contains_key(&partition)
    }

    pub(super) fn partitions(&self) -> Vec<u32> {
        self.owned.lock().keys().copied().collect()
    }

    /// How far a partition was committed by this member.
    pub(super) fn committed(&self, partition: u32) -> Option<u64> {
        self.owned.lock().get(&partition).copied().flatten()
    }

    /// What of it is news: not what belongs to others, nor what was committed already.
    pub(super) fn done(&self, done: &[(u32, u64)]) -> Vec<(u32, u64)> {
        let mut owned = self.owned.lock();
        let news = done.iter().filter(|&&(partition, offset)| {
            let committed = owned.get_mut(&partition).filter(|held| **held < Some(offset));
            committed.map(|held| *held = Some(offset)).is_some()
        });
        news.copied().collect()
    }

    /// Notes whether partitions are paused: those that come meanwhile have to be.
    pub(super) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    fn gain(&self, list: &TopicPartitionList) {
        self.owned.lock().extend(partitions(list).map(|partition| (partition, None)));
    }

    fn lose(&self, list: &TopicPartitionList) {
        let mut owned = self.owned.lock();
        for partition in partitions(list) {
            owned.remove(&partition);
        }
    }
}

fn partitions(list: &TopicPartitionList) -> impl Iterator<Item = u32> {
    let elements = list.elements();
    elements.into_iter().filter_map(|element| u32::try_from(element.partition()).ok())
}

/// Hears what the group decides.
pub(super) struct GroupContext(pub(super) Arc<Membership>);

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        Context(Arc::clone(&self.0.hearing)).log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.hearing.trouble(&error, reason);
    }
}

impl ConsumerContext for GroupContext {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            self.0.lose(list);
            tracing::info!(partitions = ?self.0.partitions(), "gave partitions to others");
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            self.0.gain(list);
            tracing::info!(partitions = ?self.0.partitions(), "took partitions over");
            if self.0.held.load(Ordering::Relaxed)
                && let Err(error) = consumer.pause(list)
            {
                tracing::debug!(%error, "new partitions are not paused");
            }
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        match result {
            Ok(()) => self.0.hearing.well(),
            // The records come again, to whoever has their partition then.
            Err(error) => self.0.hearing.trouble(&error, "offsets were not committed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_news_of_own_partitions_is_committed() {
        let membership = Membership::new();
        let mut list = TopicPartitionList::new();
        list.add_partition("t", 1);
        membership.gain(&list);
        assert_eq!(membership.done(&[(1, 5), (2, 9)]), [(1, 5)]);
        assert_eq!(membership.done(&[(1, 4), (1, 5)]), []);
        assert_eq!(membership.done(&[(1, 6)]), [(1, 6)]);
        membership.lose(&list);
        assert_eq!(membership.done(&[(1, 7)]), []);
        membership.gain(&list);
        assert_eq!(membership.done(&[(1, 3)]), [(1, 3)], "it may have gone back meanwhile");
    }
}
