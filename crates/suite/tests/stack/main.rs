//! The real services against the real engines, from outside: what they promise over HTTP, how they
//! start, and whether every copy of a count is the same.
//!
//! The stack has to run (`make stack-up`), and the services have to be built: `make test-stack` does
//! both.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and shows the log of its service"
)]

mod doctor;
mod exact;
mod hot_post;
mod laws;
mod live;
mod outage;
mod rebuild;
mod search;
mod starts;
#[allow(dead_code, unused_imports, reason = "the table of faults needs more of it")]
mod support;
mod verify;
