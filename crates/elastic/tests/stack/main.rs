//! The adapter on a real server: `make stack-up`, then `make test-stack`. The same tests run on
//! OpenSearch by `tests/stack/opensearch`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod contract;
mod operations;
mod server;
mod versions;
