//! Every row in turn, and the document that shows them.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use time::OffsetDateTime;

use super::filled::Filled;
use super::http::Load;
use super::{Effort, durable, growth, http, memory, one_post, popular, postgres};
use crate::error::Error;
use crate::report::{Row, print, progress, table};
use crate::{likes, machine};

/// What needs a profile to know.
const NOTES: &str = include_str!("../notes.md");

/// Where to write.
#[derive(Debug, Clone, Args)]
pub(crate) struct Document {
    /// The document to write.
    #[arg(long, default_value = "docs/BENCHMARKS.md")]
    out: PathBuf,
}

/// Measures everything, prints the table and writes the document.
pub(crate) fn run(effort: &Effort, load: &Load, document: &Document) -> Result<(), Error> {
    let machine = machine::describe(effort.folder()?.path())?;
    let rows = measure(effort, load)?;
    let table = table(&rows);
    print(&table)?;
    fs::write(&document.out, text(effort, &machine, &table))?;
    progress(format_args!("wrote {}", document.out.display()));
    Ok(())
}

fn measure(effort: &Effort, load: &Load) -> Result<Vec<Row>, Error> {
    let mut rows =
        vec![durable::measure(effort)?, http::measure(effort, load)?, one_post::measure(effort)?];
    let filled = Filled::new(effort)?;
    rows.extend(popular::measure(effort, &filled)?);
    rows.extend(memory::measure(effort)?);
    rows.extend(memory::start(effort, &filled)?);
    rows.push(growth::by_posts(effort, filled)?);
    rows.push(growth::by_reactions(effort)?);
    rows.extend(postgres::measure(effort)?);
    Ok(rows)
}

fn text(effort: &Effort, machine: &str, table: &str) -> String {
    let date = OffsetDateTime::now_utc().date();
    let (caveat, turns) = (effort.caveat(), effort.pairs());
    let options = if effort.quick { " --quick" } else { "" };
    let users = likes::USERS;
    format!(
        "# Benchmarks\n\n\
         Written by `cargo run --release -p kudos-bench -- all{options}` on {date} (UTC).\n\n{caveat}\
         ## Machine\n\n{machine}\n\
         ## Figures\n\n\
         A figure is the median of {turns} turns with its range; where two things are compared \
         they take turns, and the figure is the ratio. Likes are acknowledged after an fsync, and \
         come from {users} users in no order.\n\n{table}\n{NOTES}"
    )
}
