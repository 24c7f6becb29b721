//! The command line that the services have in common.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use kudos_runtime::config::Sources;
use kudos_runtime::settings::ServiceSettings;
use kudos_runtime::start::{BoxError, Context, print_config, start};

/// Wrong usage, `EX_USAGE` of sysexits.h.
pub const EXIT_USAGE: u8 = 64;

const HELP: &str = "\
Without a command: serve. The settings are explained in the sample configuration.

Exit codes: 0 stopped as asked, 1 failed, 64 wrong usage, 78 wrong configuration.";

/// A service of the suite.
#[derive(Debug, Parser)]
#[command(version, after_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    sources: SettingsArgs,
    /// Listen on this address
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// Where settings come from, beside the environment.
#[derive(Debug, Args)]
pub struct SettingsArgs {
    /// Read settings from this TOML file [env: KUDOS_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set any setting, such as `kafka.topic=reactions`
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until asked to stop (the default)
    Serve,
    /// Print the effective settings, secrets redacted
    Config,
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl SettingsArgs {
    /// The file, the environment and the flags.
    pub fn into_sources(self) -> Sources {
        Sources::from_process(self.config).assignments("--set", self.set)
    }
}

/// The whole of a service's `main`.
pub fn main<S, F, Fut>(name: &'static str, about: &'static str, run: F) -> ExitCode
where
    S: ServiceSettings,
    F: FnOnce(Context<S>) -> Fut,
    Fut: Future<Output = Result<(), BoxError>>,
{
    let named = Cli::command().name(name).about(about);
    let cli = match parse::<Cli>(named.clone(), std::env::args_os()) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let sources = cli.sources.into_sources().flag("--listen", "http.listen", cli.listen);
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => start(name, &sources, run),
        Command::Config => print_config::<S>(&sources),
        Command::Completions { shell } => complete(named, name, shell),
    }
}

/// Reads a command line, or says what is wrong with it; the code to exit with then.
///
/// # Errors
/// 0 if help or the version was asked for, else [`EXIT_USAGE`].
pub fn parse<C: FromArgMatches>(
    command: clap::Command,
    words: impl IntoIterator<Item = OsString>,
) -> Result<C, ExitCode> {
    let read = command.try_get_matches_from(words).and_then(|read| C::from_arg_matches(&read));
    read.map_err(|told| {
        // A closed stream leaves the exit code to tell.
        let _ = told.print();
        if told.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS }
    })
}

/// Prints the completions of a shell.
pub fn complete(mut command: clap::Command, name: &str, shell: Shell) -> ExitCode {
    clap_complete::generate(shell, &mut command, name, &mut std::io::stdout());
    ExitCode::SUCCESS
}
