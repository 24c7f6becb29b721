//! Kudos on one machine: all services in one process, on embedded backends.

mod cli;
mod commands;
mod control;
mod jobs;
mod serve;
mod settings;

use std::process::ExitCode;

use cli::{Cli, Command};
use settings::Settings;

// The system's allocator costs a fifth more time per like, and more bytes per post.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Does nothing unless built for tests that kill the process.
    let _failpoints = fail::FailScenario::setup();
    let Cli { command, sources } = match Cli::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let sources = sources.into_sources();
    match command.unwrap_or(Command::Serve) {
        Command::Serve => kudos_runtime::start::start("kudos", &sources, serve::run),
        Command::Config => kudos_runtime::start::print_config::<Settings>(&sources),
        Command::Completions { shell } => Cli::complete(shell),
        Command::Job(job) => commands::run(&sources, job),
    }
}
