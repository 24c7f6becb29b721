//! What the services of the distributed suite share: how each engine is checked at the start,
//! watched while the service runs, and waited for.
//!
//! A check that says that a setting is wrong ends the start; one that says that nobody answers does
//! not, unless the service can do nothing without that engine.
//!
//! | question | file |
//! |---|---|
//! | how is a service called? | `cli.rs` |
//! | does this failure end a start? | `fault.rs` |
//! | what does a start wait for, and for how long? | `start.rs` |
//! | how does a reader start before Cassandra does? | `pending.rs` |
//! | what does `/readyz?verbose` say of an engine? | `watch.rs` |

pub mod cli;
mod fault;
mod pending;
mod start;
mod watch;

pub use fault::Fault;
pub use pending::PendingTruth;
pub use start::{check, instance_name};
pub use watch::{watch_elastic, watch_kafka, watch_redis, watch_truth};
