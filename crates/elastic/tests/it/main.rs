//! The adapter against stand-ins that answer what a real server hardly ever does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod bulk;
mod nodes;
mod search;
mod stand_in;
mod startup;
mod tls;
