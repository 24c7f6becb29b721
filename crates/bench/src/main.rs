//! `kudos-bench`: measurements behind the design and the claims of Kudos.
//!
//! Each figure is a ratio of two things that take turns in one run, the median quoted with its
//! range. Run it in release mode on an idle machine. A target that is missed fails nothing.

mod client;
mod embedded;
mod error;
mod likes;
mod pairs;
mod raw;
mod report;
mod rows;
mod server;
mod stores;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use error::Error;
use rows::Effort;
use rows::http::Load;

// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(version, about = "Measure the parts of Kudos")]
struct Cli {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Durable likes against raw batched puts of the same bytes
    Durable(Effort),
    /// Likes over HTTP against a no-op on the same server
    Http {
        #[command(flatten)]
        effort: Effort,
        #[command(flatten)]
        load: Load,
    },
    /// Likes on one post against likes spread over 10,000
    OnePost(Effort),
    /// Compare embedded stores on the group commit of the write path
    Stores(stores::Args),
    /// The server that `http` loads
    #[command(hide = true)]
    Serve {
        #[arg(long)]
        folder: PathBuf,
        #[arg(long)]
        posts: u64,
    },
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().part {
        Part::Serve { folder, posts } => return server::run(&folder, posts),
        Part::Stores(args) => stores::run(&args).map_err(Error::from),
        Part::Durable(effort) => show(rows::durable::measure(&effort)),
        Part::Http { effort, load } => show(rows::http::measure(&effort, &load)),
        Part::OnePost(effort) => show(rows::one_post::measure(&effort)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn show(row: Result<report::Row, Error>) -> Result<(), Error> {
    Ok(report::print(&report::table(&[row?]))?)
}
