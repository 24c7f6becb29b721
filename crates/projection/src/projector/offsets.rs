//! How far each partition is done with.

use std::collections::{BTreeMap, VecDeque};

/// The records that arrived and may still have to come again.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    partitions: BTreeMap<u32, Partition>,
    waiting: usize,
}

#[derive(Debug, Default)]
struct Partition {
    /// Offset and arrival of each record that is not done with.
    waiting: VecDeque<(u64, u64)>,
    /// The offset behind the last record that arrived.
    end: u64,
    /// What lies before is done with.
    done: u64,
    /// What lies before is committed.
    committed: u64,
}

impl Offsets {
    /// A record arrived.
    pub(super) fn arrived(&mut self, partition: u32, offset: u64, arrival: u64) {
        let partition = self.partitions.entry(partition).or_default();
        if offset < partition.end {
            // It came back to us: whatever was done before has to be shown again.
            self.waiting -= partition.waiting.len();
            *partition = Partition::default();
        }
        partition.waiting.push_back((offset, arrival));
        partition.end = offset + 1;
        self.waiting += 1;
    }

    /// All records that arrived before `earliest` are done with; all of them, if none.
    pub(super) fn settle(&mut self, earliest: Option<u64>) {
        for partition in self.partitions.values_mut() {
            while let Some(&(offset, arrival)) = partition.waiting.front()
                && earliest.is_none_or(|earliest| arrival < earliest)
            {
                partition.waiting.pop_front();
                partition.done = offset + 1;
                self.waiting -= 1;
            }
        }
    }

    /// What can be committed and is not: partition and offset.
    pub(super) fn uncommitted(&self) -> Vec<(u32, u64)> {
        let partitions = self.partitions.iter();
        let open = partitions.filter(|(_, partition)| partition.done > partition.committed);
        open.map(|(&number, partition)| (number, partition.done)).collect()
    }

    /// These were committed.
    pub(super) fn committed(&mut self, offsets: &[(u32, u64)]) {
        for (number, offset) in offsets {
            if let Some(partition) = self.partitions.get_mut(number) {
                partition.committed = partition.committed.max(*offset);
            }
        }
    }

    /// How many records are not done with.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_before_the_first_open_record_is_committed() {
        let mut offsets = Offsets::default();
        for (partition, offset, arrival) in [(0, 7, 1), (1, 3, 2), (0, 8, 3)] {
            offsets.arrived(partition, offset, arrival);
        }
        offsets.settle(Some(2));
        assert_eq!(offsets.uncommitted(), [(0, 8)]);
        offsets.committed(&[(0, 8)]);
        assert_eq!((offsets.uncommitted(), offsets.waiting()), (vec![], 2));
        offsets.settle(None);
        assert_eq!(offsets.uncommitted(), [(0, 9), (1, 4)]);
    }

    #[test]
    fn a_partition_that_comes_back_is_shown_again() {
        let mut offsets = Offsets::default();
        offsets.arrived(0, 5, 1);
        offsets.arrived(0, 6, 2);
        offsets.settle(None);
        offsets.committed(&[(0, 7)]);
        offsets.arrived(0, 4, 3);
        assert_eq!((offsets.uncommitted(), offsets.waiting()), (vec![], 1));
        offsets.settle(None);
        assert_eq!(offsets.uncommitted(), [(0, 5)]);
    }
}
