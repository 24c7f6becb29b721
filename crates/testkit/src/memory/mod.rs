//! Every port in memory, as plainly as it can be written: known good for the contract suites,
//! and quick to start for the tests of services. Nothing here is durable or fast.

mod feed;
mod index;
mod journal;
mod leases;
mod live;
mod live_mirror;
mod log;
mod mirror;
mod projection;
mod rows;
mod snapshots;
mod truth;

use std::hash::{DefaultHasher, Hash, Hasher};

use kudos_core::PostId;

pub use feed::{MemoryFeed, MemoryTopic};
pub use index::MemoryIndex;
pub use journal::{MemoryJournal, WINDOW};
pub use leases::MemoryLeases;
pub use live::MemoryLive;
pub use log::MemoryLog;
pub use mirror::MemoryMirror;
pub use projection::MemoryProjection;
pub use rows::WithRows;
pub use truth::MemoryTruth;

/// Which of so many parts has a post: always the same.
fn part_of(post: &PostId, parts: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    post.hash(&mut hasher);
    usize::try_from(hasher.finish() % parts as u64).unwrap_or(0)
}
