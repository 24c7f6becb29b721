//! The suite on real engines, beside what it is made of: `make bench-stack`.
//!
//! | question | file |
//! |---|---|
//! | where are engines and services? | `world.rs` |
//! | what does a like take, and of whom? | `likes.rs`, `bare.rs`, `cost.rs` |
//! | and without Redis? | `outage.rs` |
//! | how fast is Redis filled anew? | `rebuild.rs` |
//! | how long do readers wait? | `pages.rs` |
//! | how late is Elasticsearch? | `fresh.rs` |
//! | how many bytes is it all? | `sizes.rs` |
//! | what would users have instead? | `rivals.rs`, and `rivals/` in Python |

mod bare;
mod cost;
mod fresh;
mod likes;
mod outage;
mod pages;
mod rebuild;
mod rivals;
mod sizes;
mod world;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use clap::Args;
use kudos_core::{Clock, Millis, SystemClock};
use kudos_http::timestamp::Timestamp;
use reqwest::blocking::{Client as Http, Response};
use time::OffsetDateTime;

use crate::client::{Client, Send};
use crate::error::Error;
use crate::likes::post_name;
use crate::machine;
use crate::report::{print, progress, table};
use crate::rows::Effort;
use world::{Addresses, Service, World};

/// Posts that likes are spread over, and searches find.
const POSTS: u64 = 10_000;
/// One of these and one more are in each title, so that a search for one finds some hundreds.
const WORDS: [&str; 24] = [
    "apple", "bridge", "candle", "desert", "engine", "forest", "garden", "harbor", "island",
    "jacket", "kettle", "ladder", "marble", "needle", "orange", "pepper", "quartz", "ribbon",
    "saddle", "timber", "umbrella", "violet", "window", "yellow",
];
const NOTES: &str = include_str!("notes.md");

/// Where to write, and who is to be compared.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The document to write.
    #[arg(long, default_value = "docs/BENCHMARKS-STACK.md")]
    out: PathBuf,
    /// A Python that has the packages of rivals/requirements.txt; without it they do not run.
    #[arg(long)]
    python: Option<PathBuf>,
    /// Measure a part alone, and write no document.
    #[arg(long)]
    only: Option<Part>,
}

/// What can be measured alone.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Part {
    /// Likes of one writer, and what they cost.
    Likes,
    /// Pages and searches.
    Pages,
    /// How long until Elasticsearch's own order knows of a like.
    Fresh,
    /// What users might build instead.
    Rivals,
    /// Likes while Redis is gone.
    Outage,
    /// Redis filled anew.
    Rebuild,
}

/// A failed measurement.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Nobody has said where the engines are.
    #[error("{0} is missing: run `make bench-stack`, which starts the stack and says where it is")]
    NoStack(&'static str),
    /// A program of the suite is not there.
    #[error("{0} is not built beside this program: run `make bench-stack`")]
    NotBuilt(&'static str),
    /// A program ended when it should not.
    #[error("{0} failed: {1}")]
    Program(&'static str, String),
    /// A conditional write was not applied though nobody else writes, or a thread was lost.
    #[error("a write or a thread was lost")]
    Lost,
    /// A task of the load was lost.
    #[error("a task was lost")]
    Task(#[from] tokio::task::JoinError),
    /// An answer that holds less than there is.
    #[error("an answer was short: {0}")]
    Short(String),
    /// Likes that never arrived in the index.
    #[error("{0} likes were not seen in the index")]
    Unseen(usize),
    /// What services said of their state is not all there.
    #[error("not within {0:?}: {1}")]
    Late(Duration, &'static str),
    /// A file, a socket or a child process.
    #[error("input or output")]
    Io(#[from] io::Error),
    /// The load or what it shares with the other measurements.
    #[error("load")]
    Load(#[from] Box<Error>),
    /// An engine or the driver of one.
    #[error("an engine")]
    Engine(#[source] Box<dyn std::error::Error + std::marker::Send + Sync>),
}

impl Fault {
    fn of(error: impl std::error::Error + std::marker::Send + Sync + 'static) -> Self {
        Self::Engine(Box::new(error))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Load(Box::new(error))
    }
}

/// Measures everything, prints the table and writes the document.
pub(crate) fn run(effort: &Effort, options: &Options) -> Result<(), Fault> {
    kudos_runtime::tls::install();
    let machine = machine::describe(effort.folder()?.path())?;
    let at = Addresses::find()?;
    let (world, bare) = (World::open("bench", &at)?, World::open("bench_bare", &at)?);
    fill(&at, &world)?;
    let rivals = || match &options.python {
        Some(python) => rivals::measure(effort, &at, &world, python),
        None => Ok("They were not run.\n".to_owned()),
    };
    // Users who did not like in an earlier run.
    let mut next = SystemClock.now().0;
    let mut first = || {
        next += 1_000_000;
        next
    };
    let alone = match options.only {
        Some(Part::Likes) => {
            let (rows, costs) = likes::one_writer(effort, &at, &world, &bare, first())?;
            Some([table(&rows), costs].join("\n"))
        }
        Some(Part::Pages) => Some(table(&pages::measure(effort, &at, &world)?)),
        Some(Part::Fresh) => Some(table(&[fresh::measure(effort, &at, &world, first())?])),
        Some(Part::Rivals) => Some(rivals()?),
        Some(Part::Rebuild) => Some(table(&rebuild::measure(effort, &at, &world)?)),
        Some(Part::Outage) => Some(table(&outage::measure(effort, &at, &world, first())?)),
        None => None,
    };
    if let Some(text) = alone {
        return Ok(print(&text)?);
    }
    let (mut rows, costs) = likes::one_writer(effort, &at, &world, &bare, first())?;
    rows.push(likes::one_post(effort, &world, first())?);
    rows.push(likes::growth(effort, &world, first())?);
    let followed = likes::followed(effort, &at, &world, first())?;
    rows.extend(pages::measure(effort, &at, &world)?);
    rows.push(fresh::measure(effort, &at, &world, first())?);
    let sizes = sizes::measure(&at, &world)?;
    rows.extend(rebuild::measure(effort, &at, &world)?);
    // What took so long to measure is written down in any case.
    let rivals = rivals();
    // Last, because what Redis missed stays to be delivered.
    rows.extend(outage::measure(effort, &at, &world, first())?);
    let scores = rivals.as_ref().map_or_else(|fault| format!("{fault}\n"), Clone::clone);
    let table = table(&rows);
    print(&[&*table, &costs, &followed, &sizes, &scores].join("\n"))?;
    let sections = [&*machine, &table, &costs, &followed, &sizes, &scores];
    fs::write(&options.out, text(effort, sections))?;
    progress(format_args!("wrote {}", options.out.display()));
    rivals.map(drop)
}

fn text(effort: &Effort, [machine, table, costs, followed, sizes, rivals]: [&str; 6]) -> String {
    let date = OffsetDateTime::now_utc().date();
    format!(
        "# Benchmarks of the suite\n\n\
         Written by `make bench-stack` on {date} (UTC), on one node of each engine.\n\n{}\
         ## Machine\n\n{machine}\n\n\
         ## Figures\n\n\
         A figure is the median of {} turns with its range; where two things are compared they \
         take turns, and the figure is the ratio.\n\n{table}\n\
         ## What a like costs\n\n\
         Processor time of each process and bytes that it sent to the disk, medians; 64 \
         connections, {POSTS} posts. `load` is this program. Without a projector:\n\n{costs}\n\
         With a projector, until Elasticsearch and the rollup have it too:\n\n{followed}\n\
         ## What posts and reactions take\n\n{sizes}\n\
         ## What users might build instead\n\n{rivals}\n{NOTES}",
        effort.caveat(),
        effort.pairs()
    )
}

/// Stores the posts, and waits until all of the suite knows them.
fn fill(at: &Addresses, world: &World) -> Result<(), Fault> {
    let (writer, projector) = (world.start("reaction-write")?, world.start("projector")?);
    let texts = Texts { newest: SystemClock.now().0 };
    Client::connect(writer.address, 64)?.send(Send::Posts(texts), 0, POSTS)?;
    progress(format_args!("stored {POSTS} posts; waiting for Elasticsearch and Redis"));
    let count = format!("{}/{}/_count", at.elastic, world.name);
    within("Elasticsearch does not have all posts", || {
        let answer: serde_json::Value = serde_json::from_str(&get(&count)?).unwrap_or_default();
        Ok(answer["count"].as_u64().unwrap_or(0) >= POSTS)
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let live = runtime.block_on(world.redis())?;
    within("Redis is not loaded", || {
        Ok(runtime.block_on(live.completeness()).is_ok_and(|missing| missing.is_empty()))
    })?;
    settled(&projector)
}

/// Waits until a projector has nothing left to read, to sweep or to tell again.
fn settled(projector: &Service) -> Result<(), Fault> {
    /// Longer than a service takes to look again how far it is.
    const QUIET: Duration = Duration::from_secs(11);
    let metrics = format!("http://{}/metrics", projector.address);
    let mut busy = Instant::now();
    within("the projector is behind", || {
        let text = get(&metrics)?;
        let left = |name| text.lines().filter(move |line: &&str| line.starts_with(name));
        let mut lags = left("kudos_feed_lag{").peekable();
        let is_known = lags.peek().is_some();
        let rest = left("kudos_journal_due").chain(left("kudos_lost_parts"));
        if !is_known || !lags.chain(rest).all(|line| line.ends_with(" 0")) {
            busy = Instant::now();
        }
        Ok(busy.elapsed() > QUIET)
    })
}

fn within(what: &'static str, mut is_so: impl FnMut() -> Result<bool, Fault>) -> Result<(), Fault> {
    const PATIENCE: Duration = Duration::from_secs(600);
    let begun = Instant::now();
    while !is_so()? {
        if begun.elapsed() > PATIENCE {
            return Err(Fault::Late(PATIENCE, what));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// The body that `url` answers.
fn get(url: &str) -> Result<String, Fault> {
    http()?.get(url).send().and_then(Response::text).map_err(Fault::of)
}

/// A client of what runs on this machine, where no proxy belongs between. One for all: making it
/// starts a thread, and the time of this process is counted.
fn http() -> Result<Http, Fault> {
    static HTTP: OnceLock<Http> = OnceLock::new();
    match HTTP.get() {
        Some(http) => Ok(http.clone()),
        None => {
            let http = Http::builder().no_proxy().build().map_err(Fault::of)?;
            Ok(HTTP.get_or_init(|| http).clone())
        }
    }
}

/// A word of some titles.
fn title_word(number: u64) -> &'static str {
    WORDS[(number % WORDS.len() as u64) as usize]
}

/// The texts of the posts, the first of which is of now and the last 60 days old.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts {
    newest: u64,
}

impl Texts {
    const SPAN_MS: u64 = 60 * 24 * 3_600_000;

    /// Writes the request that stores post `number`.
    pub(crate) fn write(self, number: u64, user: &str, request: &mut Vec<u8>) {
        let (post, one, other) =
            (post_name(number), title_word(number), title_word(number / WORDS.len() as u64));
        let created_at = Timestamp(Millis(self.newest - Self::SPAN_MS / POSTS * number));
        let body = format!(
            "{{\"title\":\"{one} {other} number {number}\",\"body\":\"\",\"author\":\"bench\",\
             \"created_at\":\"{created_at}\"}}"
        );
        let head = format!(
            "PUT /v1/posts/{post} HTTP/1.1\r\nHost: bench\r\nX-User-Id: {user}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        request.extend_from_slice(head.as_bytes());
        request.extend_from_slice(body.as_bytes());
    }
}
