//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use kudos_runtime::config::Sources;

/// Wrong usage, `EX_USAGE` of sysexits.h.
const EXIT_USAGE: u8 = 64;

/// The operator's tool for Kudos on Cassandra, Redis, Kafka and Elasticsearch.
#[derive(Debug, Parser)]
#[command(name = "kudosctl", version, about, long_about = None)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) sources: SettingsArgs,
}

/// Where settings come from.
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// Read settings from this TOML file [env: KUDOS_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set any setting, such as `cassandra.keyspace=kudos`
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring tables, functions, topics and the index up to date, and say what was done
    ///
    /// Done twice, it changes nothing. It refuses what a newer program has made.
    Migrate {
        /// Print the result as one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Print the effective settings, secrets redacted
    Config,
    /// Print a script that completes commands in a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

impl Cli {
    /// Reads the command line, or says what is wrong with it.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|told| {
            // A closed stream leaves the exit code to tell.
            let _ = told.print();
            if told.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS }
        })
    }

    /// Prints the completions of a shell.
    pub(crate) fn complete(shell: Shell) -> ExitCode {
        clap_complete::generate(shell, &mut Self::command(), "kudosctl", &mut std::io::stdout());
        ExitCode::SUCCESS
    }
}

impl SettingsArgs {
    pub(crate) fn into_sources(self) -> Sources {
        Sources::from_process(self.config).assignments("--set", self.set)
    }
}
