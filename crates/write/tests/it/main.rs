//! What a write promises, on backends in memory that misbehave on demand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod posts;
mod reactions;
mod sinks;
mod truth;
mod world;
