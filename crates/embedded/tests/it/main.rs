//! The embedded backends, from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contracts;
mod index;
mod maintenance;
mod torn;
