//! `kudos-bench`: measurements behind the design and the claims of Kudos.
//!
//! Each figure is a ratio of two things that take turns in one run, the median quoted with its
//! range. Run it in release mode on an idle machine. A target that is missed fails nothing.

mod child;
mod client;
#[cfg(any(feature = "stack", feature = "stores"))]
mod disk;
mod embedded;
mod error;
mod likes;
mod machine;
mod open_loop;
mod pairs;
mod postgres;
mod posts;
mod raw;
mod report;
mod rows;
mod server;
#[cfg(feature = "stack")]
mod stack;
#[cfg(feature = "stores")]
mod stores;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use error::Error;
use rows::Effort;
use rows::all::Document;
use rows::filled::Filled;
use rows::http::Load;
use rows::memory::Way;
use rows::{all, growth, memory, popular};

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
    /// Latency of the popular page while likes arrive
    Popular(Effort),
    /// Bytes of memory a post
    Memory(Effort),
    /// Seconds to open a folder, and to rank a million posts
    Start(Effort),
    /// CPU of a like as posts and reactions grow
    Growth(Effort),
    /// Likes against a counter that a trigger keeps in PostgreSQL
    Postgres(Effort),
    /// Every row in turn, written to a document
    All {
        #[command(flatten)]
        effort: Effort,
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        document: Document,
    },
    /// The suite on the running engines, beside what it is made of
    #[cfg(feature = "stack")]
    Stack {
        #[command(flatten)]
        effort: Effort,
        #[command(flatten)]
        options: stack::Options,
    },
    /// Compare embedded stores on the group commit of the write path
    #[cfg(feature = "stores")]
    Stores(stores::Args),
    /// The server that `http` loads
    #[command(hide = true)]
    Serve {
        #[arg(long)]
        folder: PathBuf,
        #[arg(long)]
        posts: u64,
    },
    /// The board that `memory` weighs
    #[command(hide = true)]
    Board {
        #[arg(long)]
        posts: u64,
        #[arg(long)]
        way: Way,
    },
}

fn main() -> ExitCode {
    let part = Cli::parse().part;
    if let Part::Serve { folder, posts } = part {
        return server::run(&folder, posts);
    }
    match run(part) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(part: Part) -> Result<(), Error> {
    let rows = match part {
        Part::Durable(effort) => vec![rows::durable::measure(&effort)?],
        Part::Http { effort, load } => vec![rows::http::measure(&effort, &load)?],
        Part::OnePost(effort) => vec![rows::one_post::measure(&effort)?],
        Part::Popular(effort) => popular::measure(&effort, &Filled::new(&effort)?)?,
        Part::Memory(effort) => memory::measure(&effort)?,
        Part::Start(effort) => memory::start(&effort, &Filled::new(&effort)?)?,
        Part::Growth(effort) => {
            vec![growth::by_posts(&effort, Filled::new(&effort)?)?, growth::by_reactions(&effort)?]
        }
        Part::Postgres(effort) => rows::postgres::measure(&effort)?,
        Part::All { effort, load, document } => return all::run(&effort, &load, &document),
        #[cfg(feature = "stack")]
        Part::Stack { effort, options } => return Ok(stack::run(&effort, &options)?),
        #[cfg(feature = "stores")]
        Part::Stores(args) => return Ok(stores::run(&args)?),
        Part::Board { posts, way } => return memory::hold(way, posts),
        // Serving ends with an exit code of its own.
        Part::Serve { .. } => return Ok(()),
    };
    Ok(report::print(&report::table(&rows))?)
}
