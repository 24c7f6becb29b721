//! What a read promises, on backends in memory that misbehave on demand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod counts;
mod degraded;
mod events;
mod search;
mod walk;
mod world;
