//! The command line.

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use kudos_core::PostId;
use kudos_suite::cli::SettingsArgs;

use crate::capacity::CapacityArgs;
use crate::drill::DrillArgs;
use crate::load::LoadArgs;
use crate::rebuild::RebuildArgs;
use crate::seed::SeedArgs;
use crate::verify::{RepairArgs, VerifyArgs};

const HELP: &str = "\
Data goes to stdout, everything else to stderr.

Exit codes: 0 done, 1 failed, 3 something is not as it should be, 64 wrong usage, 78 wrong
configuration, 130 interrupted.";

const DOCTOR: &str = "\
Example:
  kudosctl doctor --config kudosctl.toml

Exit codes: 0 nothing worse than a notice, 1 failed, 3 warnings or errors, also when a dependency cannot
be reached, 64 wrong usage, 78 wrong configuration.";

const CAPACITY: &str = "\
Examples:
  kudosctl capacity --posts 1e9 --likes-per-second 1e5 --redis-replicas 2
  kudosctl capacity --posts 1e9 --redis-masters 25 --redis-replicas 2 --node-memory 32GiB

Exit codes: 0 done, 1 failed, 3 the given nodes do not suffice, 64 wrong usage.";

const MIGRATE: &str = "\
Example:
  kudosctl migrate --config kudosctl.toml --dry-run

Exit codes: 0 all is in place, 1 failed, 64 wrong usage, 78 wrong configuration, 130 interrupted.";

const EXPLAIN: &str = "\
Example:
  kudosctl explain my-post

Exit codes: 0 the copies are equal, 1 failed or no such post, 3 copies differ or one cannot be
asked, 64 wrong usage, 78 wrong configuration, 130 interrupted.";

const VERIFY: &str = "\
Compares every post's rollup, Redis hash, places in the orders and document in the index with the
truth, and the counts of some posts with their rows; then searches the copies for what the truth does
not know. It may run while the suite serves: a difference is one that is still there after --settle.
It changes nothing. Ctrl-C ends it with what it has found.

Example:
  kudosctl verify --rows 10 --json

Exit codes: 0 nothing differs, 1 failed or stopped before the end, 3 something differs, 64 wrong
usage, 78 wrong configuration.";

const REPAIR: &str = "\
The truth is never changed: counts that are not those of the rows are left to a person. Done twice, or
stopped and done again, it leaves the same.

Example:
  kudosctl repair my-post
  kudosctl repair --all

Exit codes: 0 nothing differs any more, 1 failed, stopped before the end, or no such post, 3
something differs still, 64 wrong usage, 78 wrong configuration.";

const REBUILD: &str = "\
Examples:
  kudosctl rebuild --from cassandra
  kudosctl rebuild --from cassandra --slots 0-5460 --dry-run
  kudosctl rebuild --from kafka --since 7d --rest-from cassandra
  kudosctl rebuild --from cassandra --resume

Exit codes: 0 Redis holds what Cassandra says (or what would change was shown), 1 failed, 3 posts
differ or are not covered, 64 wrong usage, 78 wrong configuration, 130 interrupted. After 1 and 130,
--resume continues.";

const SLOT: &str = "\
Example:
  kudosctl slot posts:by_reactions post:my-post:reactions

Exit codes: 0 every slot is served, 1 failed, 3 a slot is served by nobody, 64 wrong usage, 78 wrong
configuration, 130 interrupted.";

const DRILL: &str = "\
Example, with the local stack up:
  env $(deploy/local/stack show kudosctl) kudosctl drill redis-killed --lasts 30s
  env $(deploy/local/stack show kudosctl) kudosctl drill --all

Exit codes: 0 every copy was exact afterwards, 1 failed or stopped, 3 copies differ, 64 wrong usage,
78 wrong configuration.";

const SEED: &str = "\
Example:
  kudosctl seed http://127.0.0.1:8080 --posts 100 --reactions 1000

Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration, 130 interrupted.";

const LOAD: &str = "\
Example:
  kudosctl load http://127.0.0.1:8080 --rate 500 --duration 1m

Exit codes: 0 every request was answered, 1 failed, 3 some were refused or failed, 64 wrong usage,
130 interrupted.";

/// The operator's tool for Kudos on Cassandra, Redis, Kafka and Elasticsearch.
#[derive(Debug, Parser)]
#[command(name = "kudosctl", version, about, long_about = None, after_help = HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) sources: SettingsArgs,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Output {
    /// Print the result as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Examine every dependency: does it answer, are its settings right, and what is to be done
    ///
    /// Changes nothing. It asks as the user of the settings; what that user may not ask is told.
    #[command(after_help = DOCTOR)]
    Doctor {
        #[command(flatten)]
        output: Output,
    },
    /// Work out nodes, bytes, survived failures and the time of a rebuild for a load
    ///
    /// Asks nobody: it is arithmetic on what was measured (docs/BENCHMARKS-STACK.md).
    #[command(after_help = CAPACITY)]
    Capacity {
        #[command(flatten)]
        args: CapacityArgs,
    },
    /// Bring tables, functions, topics and the index up to date, and say what was done
    ///
    /// Done twice, it changes nothing. It refuses what a newer program has made.
    #[command(after_help = MIGRATE)]
    Migrate {
        /// Show what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Compare every copy of every post with the truth
    #[command(after_help = VERIFY)]
    Verify {
        #[command(flatten)]
        args: VerifyArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Make every copy of some posts what the truth says
    #[command(after_help = REPAIR)]
    Repair {
        #[command(flatten)]
        args: RepairArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Show every copy of a post's counts side by side
    #[command(after_help = EXPLAIN)]
    Explain {
        /// The id of the post
        post: PostId,
        #[command(flatten)]
        output: Output,
    },
    /// Fill Redis anew while it serves, and prove that it is right
    ///
    /// Nothing is emptied first, and likes may go on: of each post the newest version wins. The
    /// hottest posts come first; what Cassandra does not know is removed.
    #[command(after_help = REBUILD)]
    Rebuild {
        #[command(flatten)]
        args: RebuildArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Show the slots of Redis keys, and who serves them
    #[command(after_help = SLOT)]
    Slot {
        /// Keys of Redis, as they are there
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Break a part of the local stack under load, and watch
    ///
    /// A line a second goes to stderr: writes and reads that were answered and the slowest of them, who
    /// ranked, the journal's age, drift, breakers that are open.
    #[command(after_help = DRILL)]
    Drill {
        #[command(flatten)]
        args: DrillArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Fill in posts and reactions that look real, over an API
    ///
    /// The same seed again changes nothing.
    #[command(after_help = SEED)]
    Seed {
        #[command(flatten)]
        args: SeedArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Put load on an API: an open loop, latencies from the intended begin
    #[command(after_help = LOAD)]
    Load {
        #[command(flatten)]
        args: LoadArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Print the effective settings, secrets redacted
    Config,
    /// Print a script that completes commands in a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn commands_that_compare_have_an_example_and_their_exit_codes_in_their_help() {
        let mut cli = Cli::command();
        for name in ["verify", "repair", "explain"] {
            let help = cli.find_subcommand_mut(name).unwrap().render_long_help().to_string();
            assert!(help.contains(&format!("Example:\n  kudosctl {name}")), "{help}");
            assert!(help.contains("Exit codes: 0 ") && help.contains("--json"), "{help}");
        }
    }

    #[test]
    fn a_repair_is_of_some_posts_or_of_all() {
        let parse = |words: &[&str]| Cli::try_parse_from([&["kudosctl"], words].concat());
        assert!(parse(&["repair", "a", "b", "--json"]).is_ok());
        assert!(parse(&["repair", "--all", "--settle", "1s"]).is_ok());
        for wrong in [&["repair"][..], &["repair", "a", "--all"], &["verify", "--settle", "soon"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
