//! What needs no broker: the schema of events, settings, and a Kafka that is not there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod down;
mod schema;
mod settings;
