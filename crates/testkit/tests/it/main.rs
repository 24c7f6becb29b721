//! The kit, tested: its fault injection, and its suites on backends known to be good and bad.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod broken;
mod broken_rest;
mod checker;
mod faulty;
mod figures;
mod finds;
mod found;
mod linear;
mod memory;
mod memory_copies;
