//! The service that keeps every copy of the truth right: the search index and the rollup follow
//! the log, what writers could not deliver is delivered, what was lost is loaded, and all of it is
//! audited.

mod serve;
mod settings;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    kudos_suite::cli::main("projector", "Keeps the copies of the truth right", serve::run)
}
