//! The runtime from outside: configuration, health, serving, stopping, and a whole process.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and a child process speaks to its test on stdout"
)]

mod config;
mod health;
mod process;
mod serve;
mod shutdown;
mod support;
