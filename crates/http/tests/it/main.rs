//! The HTTP vocabulary, as clients see it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test, a panic is the report")]

mod answer;
mod client;
mod cursor;
mod extract;
mod gate;
mod jwks;
mod openapi;
mod problem;
mod sse;
mod stack;
mod token;
