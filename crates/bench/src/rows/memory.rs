//! What a post costs: bytes in memory, and time at start.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use kudos_core::{Counts, Millis, PostId, PostState, SystemClock, Version};
use kudos_embedded::{Board, Embedded, Options};

use super::Effort;
use super::filled::Filled;
use crate::error::Error;
use crate::pairs::{Spread, grouped};
use crate::report::{self, Row, progress};
use crate::usage;

const KINDS: u64 = 6;
const FEW: u64 = 100_000;
const MANY: u64 = 1_000_000;
const BYTES: f64 = 250.0;

/// How posts come onto a board.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Way {
    /// All at once, as at a start.
    Loaded,
    /// A thousand at a time, as commits bring them.
    Merged,
}

/// Resident memory of a process with a board of a million posts, less that with 100,000, by post:
/// what any process has cancels out.
pub(crate) fn measure(effort: &Effort) -> Result<Vec<Row>, Error> {
    let rows = [
        ("bytes a post, board loaded at start", Way::Loaded),
        ("bytes a post, board grown by commits", Way::Merged),
    ];
    let mut measured = Vec::new();
    for (name, way) in rows {
        let mut bytes = Vec::new();
        for _ in 0..effort.pairs() {
            let grown = resident_with(way, MANY)? - resident_with(way, FEW)?;
            bytes.push(grown / (MANY - FEW) as f64);
        }
        let spread = Spread::of(&bytes);
        progress(format_args!("{name}: {spread:.0}"));
        measured.push(Row::at_most(
            name,
            (
                "six kinds, ids of 12 bytes".into(),
                format!("a board of {} posts", grouped(FEW as f64)),
            ),
            (spread, " B"),
            (BYTES, "≤ 250 B"),
        ));
    }
    Ok(measured)
}

/// Seconds until the backends are open, and how many of them, by a million posts, go into the
/// counts and rankings.
pub(crate) fn start(effort: &Effort, filled: &Filled) -> Result<Vec<Row>, Error> {
    let (mut opened, mut ranked) = (Vec::new(), Vec::new());
    for _ in 0..effort.pairs() {
        let (open, rank) = open(filled.folder.path())?;
        progress(format_args!("start: {open:.2} s, of it {rank:.2} s for the rankings"));
        opened.push(open);
        ranked.push(rank * 1e6 / filled.posts as f64);
    }
    let posts = format!("{} posts on disk", grouped(filled.posts as f64));
    let start = Row {
        name: "start",
        kudos: posts.clone(),
        against: String::new(),
        figure: format!("{} s", Spread::of(&opened)),
        reach: "",
        reached: None,
    };
    let ranking = Row::at_most(
        "rankings at start, by a million posts",
        (posts, String::new()),
        (Spread::of(&ranked), " s"),
        (1.0, "≤ 1 s"),
    );
    Ok(vec![start, ranking])
}

/// The time to open everything, and that to read the counts and to rank them, done once more.
fn open(folder: &Path) -> Result<(f64, f64), Error> {
    let begun = Instant::now();
    let backends = Embedded::open(folder, &Options::default(), Arc::new(SystemClock))?;
    let opened = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let board = backends.store.load_board(Arc::new(SystemClock))?;
    let ranked = begun.elapsed().as_secs_f64();
    drop(board);
    Ok((opened, ranked))
}

fn resident_with(way: Way, posts: u64) -> Result<f64, Error> {
    let way = way.to_possible_value().ok_or(Error::NoFigure)?;
    let child = Command::new(std::env::current_exe()?)
        .args(["board", "--posts", &posts.to_string(), "--way", way.get_name()])
        .output()?;
    let figure = String::from_utf8_lossy(&child.stdout);
    figure.trim().parse().map_err(|_| Error::NoFigure)
}

/// The child's side: makes a board and prints the resident memory in bytes.
pub(crate) fn hold(way: Way, posts: u64) -> Result<(), Error> {
    let clock = Arc::new(SystemClock);
    let board = match way {
        Way::Loaded => {
            let read = |number| Some((state(number), false));
            Board::load(KINDS as usize, clock, posts as usize, 0..posts, read)
        }
        Way::Merged => {
            let board = Board::new(KINDS as usize, clock);
            for first in (0..posts).step_by(1_000) {
                let states: Vec<_> = (first..first + 1_000).map(state).collect();
                board.merge_all(&states);
            }
            board
        }
    };
    settle_memory();
    report::print(&format!("{}\n", usage::resident_bytes()?))?;
    drop(board);
    Ok(())
}

/// Lets the allocator return what was freed: it does so some milliseconds later, and only while
/// memory goes to and fro, as it does in a server at work.
fn settle_memory() {
    const BLOCK: usize = 1 << 20;
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(10));
        black_box(vec![1_u8; BLOCK]);
    }
}

/// Every post has another total and another time, in no order.
fn state(number: u64) -> PostState {
    const BEGUN_MS: u64 = 1_750_000_000_000;
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 34;
    PostState {
        post: PostId::new(&format!("p{number:011}")).expect("a letter and digits are an id"),
        created_at: Millis(BEGUN_MS + mixed),
        version: Version(1),
        counts: (0..KINDS).map(|kind| (mixed >> kind) % 1_000).collect::<Counts>(),
        as_of: Millis(BEGUN_MS + mixed),
    }
}
