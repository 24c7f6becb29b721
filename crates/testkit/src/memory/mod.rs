//! Every port in memory, as plainly as it can be written: known good for the contract suites,
//! and quick to start for the tests of services. Nothing here is durable or fast.

mod index;
mod live;
mod log;
mod snapshots;
mod truth;

pub use index::MemoryIndex;
pub use live::MemoryLive;
pub use log::MemoryLog;
pub use truth::MemoryTruth;
