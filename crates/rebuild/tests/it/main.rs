//! A rebuild over ports in memory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod log;
mod resume;
mod support;
mod truth;
