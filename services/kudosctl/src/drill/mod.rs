//! `kudosctl drill FAULT`: breaks a part of the local stack under load, shows what goes on, and says
//! whether every copy is exact afterwards.
//!
//! | question | file |
//! |---|---|
//! | what can be broken, and how is it mended? | `stack.rs` |
//! | who likes and reads meanwhile? | `traffic.rs` |
//! | what do the services say of themselves? | `signs.rs` |
//! | is every copy exact? | `exact.rs` |

mod exact;
mod signs;
mod stack;
mod traffic;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kudos_runtime::start::BoxError;
use serde::Serialize;
use tokio::time::{Instant, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::copies::Copies;
use crate::settings::Settings;
use exact::Difference;
use signs::Watch;
use stack::{Fault, Stack};
use traffic::{Span, Traffic};

/// Load before the fault, so that there is something to compare with.
const BEFORE: Duration = Duration::from_secs(5);
/// Load after it was mended.
const AFTER: Duration = Duration::from_secs(5);
/// How long copies may take to become exact after that.
const LIMIT: Duration = Duration::from_secs(60);
/// How long lies between two looks at them.
const LOOK: Duration = Duration::from_millis(500);

/// What is broken, and for how long.
#[derive(Debug, Clone, Args)]
pub(crate) struct DrillArgs {
    /// What to break
    #[arg(required_unless_present = "all")]
    fault: Option<Fault>,
    /// Break everything that can be broken, one after the other
    #[arg(long, conflicts_with = "fault")]
    all: bool,
    /// How long it stays broken, such as 15s or 1m
    #[arg(long, default_value = "15s", value_parser = humantime::parse_duration)]
    lasts: Duration,
    /// Likes a second; every fourth is followed by a read
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// The script of the local stack, which has to run
    #[arg(long, default_value = "deploy/local/stack")]
    stack: PathBuf,
}

/// Whether every drill ended exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All did.
    Exact,
    /// After some, copies differed.
    Different,
}

/// What came of one drill.
#[derive(Debug, Serialize)]
struct Report {
    fault: String,
    /// Seconds until every copy was exact after it was mended; none if that took too long.
    exact_after: Option<f64>,
    /// While it was broken.
    writes: Share,
    reads: Share,
    /// Who ranked the popular page meanwhile.
    sources: Vec<(String, u64)>,
    differences: Vec<Difference>,
}

/// How many of requests were answered, and how slowly.
#[derive(Debug, Serialize)]
struct Share {
    answered: u64,
    sent: u64,
    slowest_ms: u64,
}

/// Drills, and prints what came of it.
pub(crate) async fn run(
    settings: &Settings,
    args: &DrillArgs,
    json: bool,
) -> Result<Verdict, BoxError> {
    let stack = Stack::open(&args.stack).await?;
    let copies = Copies::connect(settings, &CancellationToken::new()).await?;
    let watch = Watch::over(&stack.services)?;
    let faults: Vec<Fault> = match args.fault {
        Some(fault) => vec![fault],
        None => Fault::value_variants().to_vec(),
    };
    let mut reports = Vec::with_capacity(faults.len());
    for fault in faults {
        let kind = settings.kinds.name(kudos_core::Kind(0));
        let drill = Drill {
            traffic: Traffic::begin(&stack.gateway, kind).await?,
            stack: &stack,
            copies: &copies,
            watch: &watch,
            args,
            fault,
        };
        let report = tokio::select! {
            report = drill.run() => report?,
            // Stopped nodes go on at once; dead ones need longer than whoever presses Ctrl-C has.
            _ = tokio::signal::ctrl_c() => {
                stack.go_on();
                return Err(format!("stopped; `{}` mends what is down", stack.mends()).into());
            }
        };
        if !json {
            writeln!(std::io::stdout(), "{}", report.text())?;
        }
        reports.push(report);
    }
    if json {
        writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&reports)?)?;
    }
    let exact = reports.iter().all(|report| report.exact_after.is_some());
    Ok(if exact { Verdict::Exact } else { Verdict::Different })
}

struct Drill<'a> {
    traffic: Traffic,
    stack: &'a Stack,
    copies: &'a Copies,
    watch: &'a Watch,
    args: &'a DrillArgs,
    fault: Fault,
}

impl Drill<'_> {
    async fn run(&self) -> Result<Report, BoxError> {
        let broken = tokio::select! {
            broken = self.course() => broken?,
            never = self.traffic.flow(self.args.rate) => never,
            never = self.show() => never,
        };
        self.traffic.settle(LIMIT).await?;
        let (exact_after, differences) = self.converge().await;
        Ok(Report {
            fault: self.fault.name(),
            exact_after,
            writes: broken.writes.share(),
            reads: broken.reads.share(),
            sources: broken.sources.into_iter().collect(),
            differences,
        })
    }

    /// Breaks and mends; what was seen while it was broken.
    async fn course(&self) -> Result<Span, BoxError> {
        sleep(BEFORE).await;
        self.traffic.take_span();
        say(format_args!("--- {}", self.fault.tells()));
        let broken = self.stack.break_it(self.fault).await?;
        sleep(self.args.lasts).await;
        let span = self.traffic.take_span();
        say(format_args!("--- mending"));
        self.stack.mend(broken).await?;
        sleep(AFTER).await;
        Ok(span)
    }

    /// A line a second of what goes on.
    async fn show(&self) -> ! {
        let mut ticks = interval(Duration::from_secs(1));
        let begun = Instant::now();
        loop {
            ticks.tick().await;
            let signs = self.watch.signs().await;
            let second = self.traffic.take_second();
            say(format_args!("{:>4} s  {second}  {signs}", begun.elapsed().as_secs()));
        }
    }

    async fn converge(&self) -> (Option<f64>, Vec<Difference>) {
        let (begun, expected) = (Instant::now(), self.traffic.expected());
        loop {
            let differences = exact::compare(self.copies, &expected).await;
            let took = begun.elapsed();
            if differences.is_empty() {
                return (Some(took.as_secs_f64()), differences);
            }
            if took >= LIMIT {
                return (None, differences);
            }
            sleep(LOOK).await;
        }
    }
}

/// Progress; nobody has to read it.
fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

impl Report {
    fn text(&self) -> String {
        let Self { fault, exact_after, writes, reads, sources, differences } = self;
        let verdict = match exact_after {
            Some(took) => format!("EXACT after {took:.1} s"),
            None => format!("NOT EXACT: {} differences", differences.len()),
        };
        let sources: Vec<_> =
            sources.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let mut text = format!(
            "{fault}: {verdict}; meanwhile writes {writes}, reads {reads}, by {}",
            sources.join(", ")
        );
        for Difference { copy, post, expected, found } in differences {
            text.push_str(&format!("\n  {copy}: {post}: expected {expected}, found {found}"));
        }
        text
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { answered, sent, slowest_ms } = self;
        write!(f, "{answered} of {sent} (slowest {slowest_ms} ms)")
    }
}
