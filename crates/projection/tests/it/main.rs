//! How copies follow the truth, on backends in memory, on time that stands still.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod auditor;
mod loader;
mod projector;
mod support;
mod sweeper;
