//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use kudos_core::PostId;
use kudos_runtime::config::Sources;

use crate::jobs::{FileFormat, ImportFiles, Job, SeedArgs};

mod help;

/// Wrong usage, `EX_USAGE` of sysexits.h: clap's own 2 would look like refused lines.
const EXIT_USAGE: u8 = 64;

/// Exact reaction counts and popularity ranking, on one machine.
#[derive(Debug, Parser)]
#[command(name = "kudos", version, about, long_about = None, after_help = help::KUDOS)]
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

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API and the demo page (the default)
    #[command(after_help = help::SERVE)]
    Serve,
    /// Print the effective settings, secrets redacted
    #[command(after_help = help::CONFIG)]
    Config,
    /// Print a script that completes commands in a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions { shell: Shell },
    #[command(flatten)]
    Job(JobCommand),
}

/// What is done with a data folder: by the server, if one runs on it.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Fill in posts and reactions that look real
    ///
    /// The same seed again changes nothing. Works beside a running server too.
    #[command(after_help = help::SEED)]
    Seed {
        #[command(flatten)]
        args: SeedArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Load posts and reactions of your own
    ///
    /// Broken off, it goes on where it stopped; run again, it changes nothing. Of several lines
    /// about one user and post the latest time wins.
    #[command(after_help = help::IMPORT)]
    Import {
        #[command(flatten)]
        args: ImportArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Copy the data, also while a server uses it
    #[command(after_help = help::BACKUP)]
    Backup {
        /// An absent or empty folder
        dir: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Recount everything, and compare
    #[command(after_help = help::VERIFY)]
    Verify {
        #[command(flatten)]
        output: Output,
    },
    /// Show every copy of a post's counts side by side
    #[command(after_help = help::EXPLAIN)]
    Explain {
        /// The id of the post
        post: PostId,
        #[command(flatten)]
        output: Output,
    },
}

/// What to import, and how.
#[derive(Debug, Args)]
#[group(id = "files")]
pub(crate) struct ImportArgs {
    /// Posts: post (or id), title, body, author, created_at
    #[arg(long, value_name = "FILE", required_unless_present = "reactions")]
    posts: Option<PathBuf>,
    /// Reactions: post, user, kind (empty: taken back), at
    #[arg(long, value_name = "FILE")]
    reactions: Option<PathBuf>,
    /// Instead of what the extensions tell: .csv, .jsonl, .ndjson
    #[arg(long)]
    format: Option<FileFormat>,
    /// Write every refused line into this file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Output {
    /// Print the result as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
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
        clap_complete::generate(shell, &mut Self::command(), "kudos", &mut std::io::stdout());
        ExitCode::SUCCESS
    }
}

impl SettingsArgs {
    pub(crate) fn into_sources(self) -> Sources {
        Sources::from_process(self.config)
            .assignments("--set", self.set)
            .flag("--listen", "http.listen", self.listen)
            .flag("--data", "data.path", self.data.map(|path| path.display().to_string()))
    }
}

impl JobCommand {
    /// The job, with absolute paths: a server in another folder may do it.
    pub(crate) fn into_job(self) -> std::io::Result<(Job, Output)> {
        let absolute = |path: Option<PathBuf>| path.map(std::path::absolute).transpose();
        Ok(match self {
            Self::Seed { args, output } => (Job::Seed(args), output),
            Self::Import { args, output } => {
                let files = ImportFiles {
                    posts: absolute(args.posts)?,
                    reactions: absolute(args.reactions)?,
                    format: args.format,
                    report: absolute(args.report)?,
                };
                (Job::Import(files), output)
            }
            Self::Backup { dir, output } => {
                (Job::Backup { dir: std::path::absolute(dir)? }, output)
            }
            Self::Verify { output } => (Job::Verify, output),
            Self::Explain { post, output } => (Job::Explain { post }, output),
        })
    }
}
