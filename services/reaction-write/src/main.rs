//! The service that writes: posts and reactions into Cassandra, and what became of them, at best
//! effort, into Redis and Kafka.

mod serve;
mod settings;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Does nothing unless built for tests that kill the process.
    let _failpoints = fail::FailScenario::setup();
    kudos_suite::cli::main("reaction-write", "Takes posts and reactions", serve::run)
}
