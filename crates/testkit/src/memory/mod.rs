//! Every port in memory, as plainly as it can be written: known good for the contract suites,
//! and quick to start for the tests of services. Nothing here is durable or fast.

mod feed;
mod index;
mod journal;
mod leases;
mod live;
mod log;
mod projection;
mod snapshots;
mod truth;

pub use feed::{MemoryFeed, MemoryTopic};
pub use index::MemoryIndex;
pub use journal::{MemoryJournal, WINDOW};
pub use leases::MemoryLeases;
pub use live::MemoryLive;
pub use log::MemoryLog;
pub use projection::MemoryProjection;
pub use truth::MemoryTruth;
