//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use kudos_runtime::config::Sources;

use crate::commands;
use crate::jobs::{Job, SeedArgs};

/// Exact reaction counts and popularity ranking, on one machine.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, after_help = "Without a command: serve.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) sources: SettingsArgs,
}

/// Where settings come from. The environment is named in the sample configuration.
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// Read settings from this TOML file [env: KUDOS_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen on this address
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Keep the data in this folder
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Set any setting, such as `query.total_ms=400`
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl SettingsArgs {
    pub(crate) fn into_sources(self) -> Sources {
        Sources::from_process(self.config)
            .assignments("--set", self.set)
            .flag("--listen", "http.listen", self.listen)
            .flag("--data", "data.path", self.data.map(|path| path.display().to_string()))
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API and the demo page (the default)
    Serve,
    /// Print the effective settings, secrets redacted
    Config,
    #[command(flatten)]
    Job(JobCommand),
}

/// What is done with a data folder, by the server if one runs on it.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Fill in posts and reactions that look real
    ///
    /// The same seed again changes nothing. Works beside a running server too.
    #[command(after_help = SEED_HELP)]
    Seed {
        #[command(flatten)]
        args: SeedArgs,
        #[command(flatten)]
        output: Output,
    },
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Output {
    /// Print the result as one JSON document
    #[arg(long)]
    json: bool,
}

const SEED_HELP: &str = "\
Example:
  kudos seed --posts 100 --users 500 --reactions 5000

Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.";

impl JobCommand {
    pub(crate) fn run(self, sources: &Sources) -> ExitCode {
        let (job, output) = match self {
            Self::Seed { args, output } => (Job::Seed(args), output),
        };
        commands::run(sources, &job, output.json)
    }
}
