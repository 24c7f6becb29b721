//! The page and the console, as a browser sees them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test, a panic is the report")]

mod console;
