//! Against real servers: the stack's Redis (`make stack-up`), and servers of the tests' own for
//! what breaks or configures them.

mod access;
mod completeness;
mod contract;
mod errors;
mod failover;
mod holdings;
mod library;
mod losses;
mod measure;
mod monitor;
mod order;
mod support;
