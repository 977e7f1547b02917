//! The partitions of a log, numbered through, so that their state lies in flat lists.

use crate::{LogError, Topic};

/// Which partitions there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partitions {
    count: u32,
}

/// A partition that exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Slot {
    pub(super) topic: Topic,
    pub(super) partition: u32,
    pub(super) index: usize,
}

impl Partitions {
    pub(super) const fn new(count: u32) -> Self {
        Self { count }
    }

    pub(super) const fn of(self, topic: Topic) -> u32 {
        if topic.is_partitioned() { self.count } else { 1 }
    }

    pub(super) fn slot(self, topic: Topic, partition: u32) -> Result<Slot, LogError> {
        let partitions = self.of(topic);
        if partition >= partitions {
            return Err(LogError::NoSuchPartition { topic, partition, partitions });
        }
        let before: u32 = Topic::ALL.into_iter().take_while(|other| *other != topic).map(|other| self.of(other)).sum();
        Ok(Slot { topic, partition, index: (before + partition) as usize })
    }

    pub(super) fn slots(self, topic: Topic) -> impl Iterator<Item = Slot> {
        (0..self.of(topic)).filter_map(move |partition| self.slot(topic, partition).ok())
    }

    pub(super) fn all(self) -> impl Iterator<Item = Slot> {
        Topic::ALL.into_iter().flat_map(move |topic| self.slots(topic))
    }
}
