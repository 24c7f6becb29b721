//! A partitioned log in memory, and the instances of the consumer that share it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::{ChangeFeed, EventLog, LogError, LogPage, Position, Record, TimedLog};
use kudos_core::{Change, Clock, Millis, PortError};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::part_of;

/// A log of partitions keyed by post. It keeps what is published twice, as brokers do. Clones are
/// the same log.
#[derive(Clone)]
pub struct MemoryTopic(Arc<Shared>);

impl fmt::Debug for MemoryTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTopic").finish_non_exhaustive()
    }
}

struct Shared {
    held: Mutex<Held>,
    /// Counts whatever readers wait for: records, and changes of who reads what.
    moved: watch::Sender<u64>,
    clock: Option<Arc<dyn Clock>>,
}

#[derive(Debug)]
struct Held {
    partitions: Vec<Partition>,
    /// The next member's number.
    next: u64,
    members: Vec<u64>,
    aside: Vec<(Record, String)>,
}

#[derive(Debug, Default)]
struct Partition {
    /// Each with the time at which it came.
    records: Vec<(Millis, Result<Change, String>)>,
    committed: usize,
    owner: Option<u64>,
    /// How far its owner has read.
    read: usize,
}

impl Held {
    /// Spreads the partitions evenly. One that changes hands is read again from what is committed.
    fn rebalance(&mut self) {
        let members = &self.members;
        for (i, partition) in self.partitions.iter_mut().enumerate() {
            let owner = members.get(i % members.len().max(1)).copied();
            if partition.owner != owner {
                partition.owner = owner;
                partition.read = partition.committed;
            }
        }
    }

    fn position(&self) -> Position {
        Position(self.partitions.iter().map(|p| p.records.len() as u64).collect())
    }

    /// The records that an instance has not read, and now has.
    fn next(&mut self, member: u64, limit: usize) -> Vec<Record> {
        let mut found = Vec::new();
        for (number, partition) in (0..).zip(&mut self.partitions) {
            if partition.owner != Some(member) {
                continue;
            }
            let unread = partition.records.iter().enumerate().skip(partition.read);
            let unread = unread.take(limit - found.len());
            let record = |(offset, (at, change)): (usize, &(Millis, _))| Record {
                partition: number,
                offset: offset as u64,
                at: *at,
                change: Result::clone(change),
            };
            let records: Vec<_> = unread.map(record).collect();
            partition.read += records.len();
            found.extend(records);
        }
        found
    }
}

impl MemoryTopic {
    /// An empty log of so many partitions, at least one. A change comes at its own time.
    pub fn new(partitions: usize) -> Self {
        Self::made(partitions, None)
    }

    /// The same with a clock that says when changes come.
    pub fn timed(partitions: usize, clock: Arc<dyn Clock>) -> Self {
        Self::made(partitions, Some(clock))
    }

    fn made(partitions: usize, clock: Option<Arc<dyn Clock>>) -> Self {
        let partitions = (0..partitions.max(1)).map(|_| Partition::default()).collect();
        let held = Held { partitions, next: 0, members: Vec::new(), aside: Vec::new() };
        Self(Arc::new(Shared { held: Mutex::new(held), moved: watch::Sender::new(0), clock }))
    }

    /// An instance of the consumer. It leaves, as one that is killed, when it is dropped.
    pub fn join(&self) -> MemoryFeed {
        let member = self.change(|held| {
            held.next += 1;
            held.members.push(held.next);
            held.rebalance();
            held.next
        });
        MemoryFeed { topic: self.clone(), member }
    }

    /// Puts a record into a partition that nobody can understand.
    pub fn poison(&self, partition: usize, reason: &str) {
        let at = self.now().unwrap_or_default();
        self.change(|held| held.partitions[partition].records.push((at, Err(reason.into()))));
    }

    /// Delivers all records so many times more, in any order.
    pub fn redeliver(&self, times: usize, rng: &mut fastrand::Rng) {
        self.change(|held| {
            for partition in &mut held.partitions {
                let again = (0..times).flat_map(|_| partition.records.iter().cloned());
                let mut again: Vec<_> = again.collect();
                rng.shuffle(&mut again);
                partition.records.extend(again);
            }
        });
    }

    /// How many records are not committed.
    pub fn behind(&self) -> usize {
        let held = self.0.held.lock();
        held.partitions.iter().map(|p| p.records.len() - p.committed).sum()
    }

    /// The records that were set aside, and why.
    pub fn aside(&self) -> Vec<(Record, String)> {
        self.0.held.lock().aside.clone()
    }

    fn now(&self) -> Option<Millis> {
        self.0.clock.as_ref().map(|clock| clock.now())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Held) -> T) -> T {
        let changed = change(&mut self.0.held.lock());
        self.0.moved.send_modify(|moved| *moved += 1);
        changed
    }
}

#[async_trait]
impl EventLog for MemoryTopic {
    async fn publish(&self, change: &Change) -> Result<(), PortError> {
        let at = self.now().unwrap_or(change.state.as_of);
        self.change(|held| {
            let partition = part_of(&change.state.post, held.partitions.len());
            held.partitions[partition].records.push((at, Ok(change.clone())));
        });
        Ok(())
    }

    async fn read(&self, after: &Position, limit: usize) -> Result<LogPage, LogError> {
        let held = self.0.held.lock();
        let lengths = held.position().0;
        let inside = after.0.iter().zip(&lengths).all(|(at, length)| at <= length);
        if after.0.len() != lengths.len() || !inside {
            return Err(LogError::Gone);
        }
        let (mut changes, mut next) = (Vec::new(), after.clone());
        for (partition, at) in held.partitions.iter().zip(&mut next.0) {
            let skipped = usize::try_from(*at).unwrap_or(usize::MAX);
            let records = partition.records.iter().skip(skipped).take(limit - changes.len());
            *at += records.len() as u64;
            changes.extend(records.filter_map(|(_, change)| change.as_ref().ok()).cloned());
        }
        Ok(LogPage { changes, next })
    }

    async fn head(&self) -> Result<Position, PortError> {
        Ok(self.0.held.lock().position())
    }

    async fn grown(&self, after: &Position) -> Result<(), PortError> {
        let mut moved = self.0.moved.subscribe();
        // The sender lives as long as `self`, so the wait ends only by growth.
        let _ = moved.wait_for(|_| self.0.held.lock().position() != *after).await;
        Ok(())
    }
}

#[async_trait]
impl TimedLog for MemoryTopic {
    async fn since(&self, at: Millis) -> Result<Position, PortError> {
        let held = self.0.held.lock();
        let first = |partition: &Partition| {
            let before = partition.records.iter().take_while(|(came, _)| *came < at);
            before.count() as u64
        };
        Ok(Position(held.partitions.iter().map(first).collect()))
    }
}

/// One instance of the consumer of a [`MemoryTopic`].
#[derive(Debug)]
pub struct MemoryFeed {
    topic: MemoryTopic,
    member: u64,
}

#[async_trait]
impl ChangeFeed for MemoryFeed {
    async fn next(&self, limit: usize) -> Result<Vec<Record>, PortError> {
        let mut moved = self.topic.0.moved.subscribe();
        loop {
            moved.borrow_and_update();
            let records = self.topic.0.held.lock().next(self.member, limit);
            if !records.is_empty() {
                return Ok(records);
            }
            // As above: ends only by a change.
            let _ = moved.changed().await;
        }
    }

    async fn commit(&self, done: &[(u32, u64)]) -> Result<(), PortError> {
        let mut held = self.topic.0.held.lock();
        let done: BTreeMap<u32, u64> = done.iter().copied().collect();
        for (number, partition) in (0..).zip(&mut held.partitions) {
            let offset = done.get(&number).filter(|_| partition.owner == Some(self.member));
            let offset = offset.map_or(0, |&offset| usize::try_from(offset).unwrap_or(0));
            partition.committed = partition.committed.max(offset);
        }
        Ok(())
    }

    async fn set_aside(&self, record: &Record, reason: &str) -> Result<(), PortError> {
        self.topic.0.held.lock().aside.push((record.clone(), reason.to_owned()));
        Ok(())
    }
}

impl Drop for MemoryFeed {
    fn drop(&mut self) {
        self.topic.change(|held| {
            held.members.retain(|&member| member != self.member);
            held.rebalance();
        });
    }
}
