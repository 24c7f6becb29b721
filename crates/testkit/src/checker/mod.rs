//! Is it EXACT? A workload is driven through any kind of client while faults happen; what was
//! acknowledged is remembered; then every copy of the state is compared with it.
//!
//! | question | file |
//! |---|---|
//! | what is sent, in which order? | `workload.rs` |
//! | how is it sent, retried and sent twice? | `drive.rs` |
//! | who sends it? | `client.rs`: ports, HTTP, a simulation |
//! | what must be true afterwards? | `ledger.rs` |
//! | what is true in each copy? | `readers.rs` |
//! | where do they differ? | `check.rs`, `compare.rs`, `verdict.rs` |
//! | what was asked and answered, and when? | `recording.rs` |
//! | could one post that does one thing after the other have answered so? | `linear.rs` |
//! | how available, how fast, how soon noticed? | `figures.rs` |
//!
//! Each user is driven by one lane, one operation after the other, and an operation whose outcome
//! nobody told is sent again under its id before the user goes on. So the state is known: of each
//! user and post the last operation that was acknowledged, or, if one was never answered until the
//! end, that one or the state before it.

mod check;
mod client;
mod compare;
mod drive;
mod figures;
mod ledger;
mod linear;
mod operations;
mod precedence;
mod readers;
mod recording;
mod replay;
mod rows;
mod verdict;
mod versions;
mod workload;

pub use check::{Checker, Converged};
pub use client::{Ack, Client, Reply, Request};
pub use drive::{Drive, Recorder};
pub use figures::{Figure, Figures, Latency, Second, noticed};
pub use ledger::Ledger;
pub use readers::{LiveReader, ProjectionReader, Reader, RecountReader, Seen, TruthReader};
pub use recording::{Asked, Freshness, Recording, Sent, Shown};
pub use verdict::{Difference, Verdict};
pub use workload::Workload;
