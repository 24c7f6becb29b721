//! The real binary from outside: what it promises over HTTP, and what survives when it is killed,
//! its disk is full, or its clients misbehave.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bad_input;
mod cli;
mod crash;
mod disk_full;
mod events;
mod failpoints;
mod history;
mod jwt;
mod laws;
mod metrics;
mod paging;
mod slow_clients;
mod start;
mod stop;
mod support;
mod torn_write;
