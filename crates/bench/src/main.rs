//! `kudos-bench`: measurements behind the design and the claims of Kudos.
//!
//! Each subcommand prints one table of medians. Run it in release mode on an idle machine.
mod stores;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(version, about = "Measure the parts of Kudos")]
struct Cli {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Compare embedded stores on the group commit of the write path.
    Stores(stores::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().part {
        Part::Stores(args) => stores::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::failure(&error);
            ExitCode::FAILURE
        }
    }
}

mod report {
    use std::{error::Error, io::Write};

    /// Writes `error` and its causes on one line of standard error.
    pub(crate) fn failure(error: &dyn Error) {
        let mut line = format!("kudos-bench: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        // Nobody is left to tell when standard error itself is closed.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}
