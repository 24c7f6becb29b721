//! What needs no Cassandra.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod login;
