//! The service that reads: counts, searches and live events, from whatever answers.

mod backends;
mod console;
mod serve;
mod settings;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    kudos_suite::cli::main("search", "Answers counts, searches and live events", serve::run)
}
