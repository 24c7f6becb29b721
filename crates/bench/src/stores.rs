//! `kudos-bench stores`: which embedded store carries the group commit best?
//!
//! One committer writes batches of reactions, each an atomic batch of three records per reaction
//! that is on disk when the commit returns. Engines take turns, so that a busy neighbour or a slow
//! minute of the disk hits all of them; the table shows medians.
mod engine;
mod workload;

use std::{
    fmt::Display,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use clap::{Args as ClapArgs, ValueEnum};

use crate::{disk, usage};
use engine::{Engine, FileEngine, FjallEngine, RedbEngine, Sync};
use workload::Workload;

const BATCHES: [usize; 4] = [1, 32, 256, 1024];
/// Rows of the filled store, one head each.
const FILLED_ROWS: u64 = 1_000_000;
const FILL_BATCH: u64 = 10_000;
const READS: u64 = 20_000;
/// Reactions that the killed writer has acknowledged before it dies.
const KILL_AFTER: u64 = 100_000;
const KILL_BATCH: usize = 256;

/// What to measure, and for how long.
#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Directory for the stores; a temporary one when absent.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Turns of each engine.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
    rounds: u8,
    /// Seconds of writing per measurement.
    #[arg(long, default_value_t = 1)]
    seconds: u64,
    /// Size of fjall's memory tables in MiB: what a restart has to replay.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    memtable_mib: u16,
    /// Only write to a store in `--dir` until killed: the victim of the reopening measurement.
    #[arg(long, hide = true, requires = "dir")]
    victim: Option<Kind>,
}

/// A failed measurement.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file system or a child process failed.
    #[error("input or output")]
    Io(#[from] io::Error),
    /// fjall refused.
    #[error("fjall")]
    Fjall(#[from] fjall::Error),
    /// redb refused.
    #[error("redb")]
    Redb(#[from] Box<redb::Error>),
    /// A reopened store ends before a position that its killed writer had acknowledged.
    #[error("acknowledged up to {acknowledged}, but only {kept} was kept")]
    Lost {
        /// Last position that was acknowledged.
        acknowledged: u64,
        /// Last position that is there.
        kept: u64,
    },
}

impl From<redb::Error> for Error {
    fn from(error: redb::Error) -> Self {
        Self::Redb(Box::new(error))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Fjall,
    Redb,
    File,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Fjall, Self::Redb, Self::File];
    const STORES: [Self; 2] = [Self::Fjall, Self::Redb];

    fn name(self) -> &'static str {
        match self {
            Self::Fjall => "fjall",
            Self::Redb => "redb",
            Self::File => "file",
        }
    }

    fn open(self, dir: &Path, args: &Args) -> Result<Box<dyn Engine>, Error> {
        Ok(match self {
            Self::Fjall => Box::new(FjallEngine::open(dir, u64::from(args.memtable_mib) << 20)?),
            Self::Redb => Box::new(RedbEngine::open(dir)?),
            Self::File => Box::new(FileEngine::open(dir)?),
        })
    }
}

/// Runs every measurement and prints the tables.
///
/// # Errors
/// Any failure of a store or of the file system ends the run; nothing is retried.
pub(crate) fn run(args: &Args) -> Result<(), Error> {
    if let (Some(kind), Some(dir)) = (args.victim, &args.dir) {
        return write_until_killed(kind, dir, args);
    }
    let temporary = tempfile::tempdir()?;
    let root = args.dir.clone().unwrap_or_else(|| temporary.path().to_owned());
    write_empty(args, &root)?;
    write_filled(args, &root)?;
    reopen(args, &root)
}

fn write_empty(args: &Args, root: &Path) -> Result<(), Error> {
    let mut cells = Cells::default();
    for round in 0..args.rounds {
        for batch in BATCHES {
            for kind in Kind::ALL {
                let dir = root.join(format!("empty-{}-{batch}-{round}", kind.name()));
                let store = kind.open(&dir, args)?;
                cells.add(kind, batch, measure_writes(&*store, batch, args, u64::from(round), 0)?);
                drop(store);
                std::fs::remove_dir_all(&dir)?;
            }
        }
    }
    cells.print("writes, empty store")
}

fn write_filled(args: &Args, root: &Path) -> Result<(), Error> {
    let mut cells = Cells::default();
    let mut filled = Vec::new();
    for kind in Kind::STORES {
        let dir = root.join(format!("filled-{}", kind.name()));
        let started = Instant::now();
        fill(&*kind.open(&dir, args)?)?;
        line(format_args!(
            "{:<6} filled with {FILLED_ROWS} rows in {:.2} s, {} MB on disk",
            kind.name(),
            started.elapsed().as_secs_f64(),
            disk::disk_bytes(&dir)? / 1_000_000,
        ))?;
        let started = Instant::now();
        let store = kind.open(&dir, args)?;
        let opened = started.elapsed();
        for _ in 0..args.rounds {
            scan(kind, &*store, opened)?;
        }
        read(kind, &*store)?;
        filled.push((kind, store, dir));
    }
    for round in 0..args.rounds {
        for batch in BATCHES {
            for (kind, store, _) in &filled {
                let next = store.last_log()? + 1;
                cells.add(
                    *kind,
                    batch,
                    measure_writes(&**store, batch, args, 100 + u64::from(round), next)?,
                );
            }
        }
    }
    cells.print("writes, filled store")?;
    for (kind, store, dir) in filled {
        read(kind, &*store)?;
        let rows = store.last_log()?;
        drop(store);
        let bytes = disk::disk_bytes(&dir)?;
        line(format_args!(
            "{:<6} {rows} reactions occupy {} MB, {} bytes each",
            kind.name(),
            bytes / 1_000_000,
            bytes / rows
        ))?;
    }
    Ok(())
}

fn fill(store: &dyn Engine) -> Result<(), Error> {
    let mut workload = Workload::new(7, 1);
    for first in (0..FILLED_ROWS).step_by(FILL_BATCH as usize) {
        let last = first + FILL_BATCH >= FILLED_ROWS;
        let sync = if last { Sync::Disk } else { Sync::Later };
        store.commit(&workload.posts(first, FILL_BATCH), sync)?;
    }
    Ok(())
}

fn scan(kind: Kind, store: &dyn Engine, opened: Duration) -> Result<(), Error> {
    let started = Instant::now();
    let (heads, bytes) = store.scan_heads()?;
    line(format_args!(
        "{:<6} opened in {:.3} s, scanned {heads} heads ({bytes} bytes) in {:.3} s",
        kind.name(),
        opened.as_secs_f64(),
        started.elapsed().as_secs_f64(),
    ))
}

fn read(kind: Kind, store: &dyn Engine) -> Result<(), Error> {
    // In random order; half of the rows exist.
    let mut keys: Vec<_> = (0..FILLED_ROWS)
        .step_by((FILLED_ROWS / READS) as usize)
        .map(workload::post_key)
        .chain(Workload::new(9, 1).batch(READS as usize).into_iter().map(|op| op.user_key))
        .collect();
    keys.sort_by_cached_key(|key| BuildHasherDefault::<DefaultHasher>::default().hash_one(key));
    let mut spent = Vec::with_capacity(keys.len());
    let mut found = 0_u32;
    for key in &keys {
        let started = Instant::now();
        found += u32::from(store.has_user(key)?);
        spent.push(started.elapsed());
    }
    spent.sort_unstable();
    line(format_args!(
        "{:<6} point reads: median {:.1} µs, p99 {:.1} µs, {found} of {} found",
        kind.name(),
        micros(spent[spent.len() / 2]),
        micros(spent[spent.len() * 99 / 100]),
        keys.len(),
    ))
}

fn measure_writes(
    store: &dyn Engine,
    batch: usize,
    args: &Args,
    seed: u64,
    next_log: u64,
) -> Result<Cost, Error> {
    let mut workload = Workload::new(seed + batch as u64, next_log);
    let (mut commits, mut busy, mut slowest) = (0_u64, Duration::ZERO, Duration::ZERO);
    let (cpu, written) = (usage::cpu_time(), disk::written_bytes(std::process::id())?);
    // Making the reactions is counted in the processor time of every engine alike, not in `busy`.
    while busy < Duration::from_secs(args.seconds) {
        let ops = workload.batch(batch);
        let started = Instant::now();
        store.commit(&ops, Sync::Disk)?;
        let spent = started.elapsed();
        (busy, slowest, commits) = (busy + spent, slowest.max(spent), commits + 1);
    }
    let ops = commits as f64 * batch as f64;
    Ok(Cost {
        ops_per_second: ops / busy.as_secs_f64(),
        commits_per_second: commits as f64 / busy.as_secs_f64(),
        cpu_per_100k: (usage::cpu_time() - cpu).as_secs_f64() / ops * 1e5,
        written_per_op: (disk::written_bytes(std::process::id())? - written) as f64 / ops,
        slowest_ms: slowest.as_secs_f64() * 1e3,
    })
}

struct Cost {
    ops_per_second: f64,
    commits_per_second: f64,
    cpu_per_100k: f64,
    written_per_op: f64,
    slowest_ms: f64,
}

#[derive(Default)]
struct Cells(Vec<(Kind, usize, Cost)>);

impl Cells {
    fn add(&mut self, kind: Kind, batch: usize, cost: Cost) {
        self.0.push((kind, batch, cost));
    }

    fn print(&self, title: &str) -> Result<(), Error> {
        line(format_args!("\n{title}"))?;
        line(format_args!(
            "{:<6} {:>6} {:>10} {:>10} {:>12} {:>14} {:>11}",
            "engine", "batch", "ops/s", "commits/s", "CPU s/1e5", "written B/op", "slowest ms"
        ))?;
        for batch in BATCHES {
            for kind in Kind::ALL {
                let costs: Vec<_> = self
                    .0
                    .iter()
                    .filter(|cell| cell.0 == kind && cell.1 == batch)
                    .map(|cell| &cell.2)
                    .collect();
                if costs.is_empty() {
                    continue;
                }
                line(format_args!(
                    "{:<6} {batch:>6} {:>10.0} {:>10.0} {:>12.2} {:>14.0} {:>11.1}",
                    kind.name(),
                    median(costs.iter().map(|cost| cost.ops_per_second)),
                    median(costs.iter().map(|cost| cost.commits_per_second)),
                    median(costs.iter().map(|cost| cost.cpu_per_100k)),
                    median(costs.iter().map(|cost| cost.written_per_op)),
                    median(costs.iter().map(|cost| cost.slowest_ms)),
                ))?;
            }
        }
        Ok(())
    }
}

/// Kills a writer without warning, then opens what it left.
fn reopen(args: &Args, root: &Path) -> Result<(), Error> {
    line(format_args!(
        "\nreopening after a kill, {KILL_AFTER} reactions in batches of {KILL_BATCH}"
    ))?;
    for round in 0..args.rounds {
        for kind in Kind::STORES {
            let dir = root.join(format!("killed-{}-{round}", kind.name()));
            let acknowledged = kill_writer(kind, &dir, args)?;
            let started = Instant::now();
            let store = kind.open(&dir, args)?;
            let opened = started.elapsed();
            let kept = store.last_log()?;
            if kept < acknowledged {
                return Err(Error::Lost { acknowledged, kept });
            }
            line(format_args!(
                "{:<6} opened in {:.3} s, acknowledged {acknowledged}, kept {kept}",
                kind.name(),
                opened.as_secs_f64()
            ))?;
        }
    }
    Ok(())
}

/// Starts this program as a writer, kills it while it commits, and returns the last position that
/// it acknowledged.
fn kill_writer(kind: Kind, dir: &Path, args: &Args) -> Result<u64, Error> {
    let mut writer = Command::new(std::env::current_exe()?)
        .args(["stores", "--victim", kind.name(), "--memtable-mib", &args.memtable_mib.to_string()])
        .arg("--dir")
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut acknowledged = 0;
    if let Some(output) = writer.stdout.take() {
        for position in BufReader::new(output).lines() {
            acknowledged = position?.parse().unwrap_or(acknowledged);
            if acknowledged >= KILL_AFTER {
                break;
            }
        }
    }
    writer.kill()?;
    writer.wait()?;
    Ok(acknowledged)
}

fn write_until_killed(kind: Kind, dir: &Path, args: &Args) -> Result<(), Error> {
    let store = kind.open(dir, args)?;
    let mut workload = Workload::new(3, 1);
    let mut last = 0;
    loop {
        store.commit(&workload.batch(KILL_BATCH), Sync::Disk)?;
        last += KILL_BATCH;
        line(last)?;
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn line(text: impl Display) -> Result<(), Error> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}
