//! How far a rebuild is, for whoever watches it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use kudos_verify::POSTS;
use parking_lot::Mutex;
use serde::Serialize;

/// What is being done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing yet.
    #[default]
    Beginning,
    /// The hottest posts are told first.
    Hottest,
    /// All posts are told from the truth.
    Filling,
    /// The log is replayed.
    Replaying,
    /// What the truth does not know is looked for.
    Strangers,
    /// What is there is compared with the truth.
    Comparing,
}

impl Phase {
    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Beginning => "beginning",
            Self::Hottest => "hottest",
            Self::Filling => "filling",
            Self::Replaying => "replaying",
            Self::Strangers => "strangers",
            Self::Comparing => "comparing",
        }
    }
}

/// How far it is at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// What is being done.
    pub phase: Phase,
    /// Posts, or in a replay events, that this phase has done in this process.
    pub done: u64,
    /// How far the phase is, and what it is at its end; none if nobody knows.
    pub part: Option<(u64, u64)>,
    /// Differences so far, in a phase that compares.
    pub differing: Option<u64>,
    /// What is waited for because it fails.
    pub waits: Option<String>,
}

/// What a rebuild tells while it runs.
pub struct Progress {
    phase: Mutex<(Phase, Option<u64>)>,
    done: AtomicU64,
    part: AtomicU64,
    differing: AtomicU64,
    waits: Mutex<Option<String>>,
    line: Box<dyn Fn(u64) + Send + Sync>,
}

impl Progress {
    /// Progress that calls `line` with the number of events each time that so many more of the log
    /// were replayed.
    pub fn new(line: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self {
            phase: Mutex::default(),
            done: AtomicU64::new(0),
            part: AtomicU64::new(0),
            differing: AtomicU64::new(0),
            waits: Mutex::default(),
            line: Box::new(line),
        }
    }

    /// How far it is now.
    pub fn step(&self) -> Step {
        let (phase, of) = *self.phase.lock();
        let part = of.map(|of| (self.part.load(Relaxed).min(of), of));
        let compares = matches!(phase, Phase::Comparing | Phase::Strangers);
        Step {
            phase,
            done: self.done.load(Relaxed),
            part,
            differing: compares.then(|| self.differing.load(Relaxed)),
            waits: self.waits.lock().clone(),
        }
    }

    pub(crate) fn begin(&self, phase: Phase, of: Option<u64>) {
        *self.phase.lock() = (phase, of);
        self.done.store(0, Relaxed);
        self.part.store(0, Relaxed);
    }

    pub(crate) fn did(&self, posts: usize) {
        self.done.fetch_add(posts as u64, Relaxed);
    }

    pub(crate) fn is_at(&self, part: u64) {
        self.part.store(part, Relaxed);
    }

    pub(crate) fn advance(&self) {
        self.part.fetch_add(1, Relaxed);
    }

    /// `replayed` events in all, of which `new` are new.
    pub(crate) fn replayed(&self, replayed: u64, new: u64, a_line: u64) {
        self.done.fetch_add(new, Relaxed);
        let a_line = a_line.max(1);
        let lines = |events: u64| events / a_line;
        for line in lines(replayed.saturating_sub(new)) + 1..=lines(replayed) {
            (self.line)(line * a_line);
        }
    }

    /// What the verifier has come to.
    pub(crate) fn verified(&self, told: kudos_verify::Progress) {
        let phase = if told.task == POSTS { Phase::Comparing } else { Phase::Strangers };
        if self.phase.lock().0 != phase {
            self.begin(phase, None);
        }
        self.done.store(told.done, Relaxed);
        self.differing.store(told.differing, Relaxed);
    }

    pub(crate) fn waits(&self, what: Option<String>) {
        *self.waits.lock() = what;
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.step().fmt(f)
    }
}
