//! The operator's tool for the distributed suite.

mod cli;
mod migrate;
mod settings;

use std::process::ExitCode;

use cli::{Cli, Command};
use settings::Settings;

fn main() -> ExitCode {
    let Cli { command, sources } = match Cli::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let sources = sources.into_sources();
    match command {
        Command::Migrate { json } => migrate::run(&sources, json),
        Command::Config => kudos_runtime::start::print_config::<Settings>(&sources),
        Command::Completions { shell } => Cli::complete(shell),
    }
}
