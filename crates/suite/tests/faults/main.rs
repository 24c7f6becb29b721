//! The table of faults: each row is a test that breaks something of the running stack while a
//! workload goes on, and says what was seen of what must hold. `make test-faults` runs them one
//! after the other and prints the table.
//!
//! | question | file |
//! |---|---|
//! | what goes on while something is broken? | `rig.rs` |
//! | how is it broken? | `nodes.rs`, `net.rs`, `cql`, `bulk.rs`; services are killed by their `Slot` |
//! | what is a row of the table? | `report.rs` |
//! | which rows are there? | `services.rs`, `masters.rs`, `truth.rs`, `sinks.rs`, `restarts.rs`, `timeline.rs`, `soak.rs` |

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test fails by panicking, and shows what it saw"
)]

mod bulk;
#[path = "../../../cassandra/tests/stack/proxy.rs"]
mod cql;
mod masters;
mod net;
mod nodes;
mod report;
mod restarts;
mod rig;
mod services;
mod sinks;
mod soak;
#[allow(dead_code, unused_imports, reason = "the tests of the stack need more of it")]
#[path = "../stack/support/mod.rs"]
mod support;
mod timeline;
mod truth;
