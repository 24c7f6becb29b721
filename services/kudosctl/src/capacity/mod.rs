//! `kudosctl capacity`: what a load needs, by arithmetic on what was measured. Nobody is asked.
//!
//! | question | file |
//! |---|---|
//! | what can be given, within which limits? | `inputs.rs` |
//! | what was measured, and where does that stand? | `figures.rs` |
//! | how many nodes of each kind, and why? | `plan.rs` |
//! | what does a Redis server hold, orders included? | `redis.rs` |
//! | how is it shown? | `show.rs` |

mod figures;
mod inputs;
mod plan;
mod redis;
mod show;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use kudos_runtime::start::BoxError;

use inputs::Inputs;
use plan::Plan;

/// The load, the machines, and how the answer is printed.
#[derive(Debug, Args)]
pub(crate) struct CapacityArgs {
    #[command(flatten)]
    inputs: Inputs,
    /// Print the result as one JSON document
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the result as tables in Markdown
    #[arg(long)]
    markdown: bool,
}

/// Whether the nodes that were asked for suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Suffices,
    TooSmall,
}

/// Computes and prints it. Needs no settings, and so reads none.
pub(crate) fn run(args: &CapacityArgs) -> Result<Verdict, BoxError> {
    let plan = Plan::of(&args.inputs);
    let text = match (args.json, args.markdown) {
        (true, _) => serde_json::to_string_pretty(&plan)?,
        (_, true) => show::markdown(&plan),
        _ => show::text(&plan),
    };
    writeln!(std::io::stdout(), "{}", text.trim_end())?;
    Ok(if plan.suffices { Verdict::Suffices } else { Verdict::TooSmall })
}

/// The same, with the code to exit with.
pub(crate) fn exit(args: &CapacityArgs, too_small: ExitCode) -> ExitCode {
    match run(args) {
        Ok(Verdict::Suffices) => ExitCode::SUCCESS,
        Ok(Verdict::TooSmall) => too_small,
        // Only a closed stdout can be the reason.
        Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests;
