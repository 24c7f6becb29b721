//! The operator's tool for the distributed suite.

mod capacity;
mod cli;
mod copies;
mod doctor;
mod drill;
mod explain;
mod inspect;
mod load;
mod migrate;
mod progress;
mod rebuild;
mod seed;
mod settings;
mod slot;
mod verify;

use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;
use kudos_runtime::config::Sources;
use kudos_runtime::finding::Severity;
use kudos_runtime::shutdown::Shutdown;
use kudos_runtime::start::{BoxError, command, print_config};
use kudos_suite::cli::{EXIT_USAGE, complete, parse};

use cli::{Cli, Command};
use settings::Settings;

/// What was asked about is not as it should be.
const EXIT_DIFFERENT: u8 = 3;
/// It was told to stop: as a shell shows a process that SIGINT has ended.
const EXIT_INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let Cli { command, sources } = match parse(Cli::command(), std::env::args_os()) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let sources = sources.into_sources().ignore_variable("KUDOS_LOAD_TOKEN");
    match command {
        Command::Config => print_config::<Settings>(&sources),
        Command::Completions { shell } => complete(Cli::command(), "kudosctl", shell),
        Command::Doctor { output } => run(&sources, async |settings| {
            let worst = doctor::run(settings, output.json).await?;
            Ok(unless(worst >= Severity::Warning))
        }),
        Command::Capacity { args } => capacity::exit(&args, unless(true)),
        Command::Migrate { dry_run, output } => run_stoppable(&sources, async |settings| {
            let done = migrate::run(settings, dry_run, output.json).await?;
            Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }),
        Command::Explain { post, output } => run_stoppable(&sources, async |settings| {
            let verdict = explain::run(settings, &post, output.json).await?;
            Ok(unless(verdict == explain::Verdict::Different))
        }),
        Command::Verify { args, output } => {
            run(&sources, async |settings| verify::run(settings, &args, output.json).await)
        }
        Command::Repair { args, output } => {
            run(&sources, async |settings| verify::repair(settings, &args, output.json).await)
        }
        Command::Rebuild { args, output } => match args.check() {
            Ok(()) => {
                run(&sources, async |settings| rebuild::run(settings, &args, output.json).await)
            }
            Err(problem) => refuse(&problem),
        },
        Command::Slot { keys, output } => run_stoppable(&sources, async |settings| {
            let verdict = slot::run(settings, keys, output.json).await?;
            Ok(unless(verdict == slot::Verdict::Unserved))
        }),
        Command::Seed { args, output } => run_stoppable(&sources, async |settings| {
            seed::run(&args, &settings.kinds, output.json).await?;
            Ok(ExitCode::SUCCESS)
        }),
        Command::Drill { args, output } => run(&sources, async |settings| {
            let verdict = drill::run(settings, &args, output.json).await?;
            Ok(unless(verdict == drill::Verdict::Different))
        }),
        Command::Load { args, output } => run_stoppable(&sources, async |_| {
            let verdict = load::run(&args, output.json).await?;
            Ok(unless(verdict == load::Verdict::Failures))
        }),
    }
}

/// What the command line says cannot be.
fn refuse(problem: &str) -> ExitCode {
    let told = Cli::command().error(ErrorKind::ArgumentConflict, problem);
    // A closed stream leaves the exit code to tell.
    let _ = told.print();
    ExitCode::from(EXIT_USAGE)
}

fn unless(different: bool) -> ExitCode {
    if different { ExitCode::from(EXIT_DIFFERENT) } else { ExitCode::SUCCESS }
}

/// Runs a command that leaves nothing half done wherever it ends, until it is told to stop. It hears the
/// signal itself: whoever starts it in the background may have its own effect turned off.
fn run_stoppable(
    sources: &Sources,
    work: impl AsyncFnOnce(&Settings) -> Result<ExitCode, BoxError>,
) -> ExitCode {
    run(sources, async |settings| {
        let shutdown = Shutdown::new();
        shutdown.begin_on_signals()?;
        let done = shutdown.token().run_until_cancelled_owned(Box::pin(work(settings))).await;
        done.unwrap_or_else(|| Ok(ExitCode::from(EXIT_INTERRUPTED)))
    })
}

/// Runs a command to its end on a runtime of its own.
fn run(
    sources: &Sources,
    work: impl AsyncFnOnce(&Settings) -> Result<ExitCode, BoxError>,
) -> ExitCode {
    let mut verdict = ExitCode::SUCCESS;
    let code = command(sources, |settings: Settings| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let done = runtime.block_on(work(&settings));
        // A client that blocks a thread is not waited for.
        runtime.shutdown_background();
        verdict = done?;
        Ok::<(), BoxError>(())
    });
    if code == ExitCode::SUCCESS { verdict } else { code }
}
