//! On a real Cassandra: `make stack-up`, then `make test-stack`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test tells what it measured")]

mod buckets;
mod contracts;
mod fence;
mod journal;
mod leases;
mod private;
mod projections;
mod proxy;
mod secure;
mod server;
mod settling;
mod starts;
mod two_writers;
