//! On a real broker: the port's contract, groups, records set aside, faults.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod broker;
mod contract;
mod group;
mod outage;
mod private;
mod secure;
mod topics;
