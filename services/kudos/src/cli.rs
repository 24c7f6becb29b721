//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use kudos_runtime::config::Sources;

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
}
