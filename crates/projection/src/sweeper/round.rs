//! One look at the journal, and what is delivered after it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use futures::future::join_all;
use kudos_core::ports::DueWindow;
use kudos_core::{PortError, PostId};
use kudos_degraded::Deadline;
use tokio::time::Instant;

use super::Sweeper;
use crate::teller::{Doubt, Teller};

/// Posts remembered within a round, so that one in many windows is delivered once.
const REMEMBERED: usize = 100_000;

/// What is known of a window between rounds.
struct Known {
    first_seen: Instant,
    /// Where each sink stands.
    sinks: BTreeMap<&'static str, Reached>,
    /// The sinks that the journal was last told to keep.
    kept: Option<Vec<String>>,
}

/// How far a sink was told of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reached {
    /// Up to and with this post; none at the beginning.
    Post(Option<PostId>),
    /// All of it.
    End,
}

/// How a sink's part of a round ended, unless it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Nothing is left for it.
    Done,
    /// Its time was over.
    Unfinished,
}

/// The sweeper's memory while it holds the lease.
pub(super) struct Sweep<'a> {
    sweeper: &'a Sweeper,
    known: BTreeMap<(u64, String), Known>,
    /// Windows that wait for a sick sink: others may be due behind them.
    stuck: usize,
    sick: BTreeSet<&'static str>,
}

impl Drop for Sweep<'_> {
    /// Whoever has the lease next knows what is due: what was last known here would stand for ever.
    fn drop(&mut self) {
        self.sweeper.metrics.due(0, Duration::ZERO);
    }
}

impl<'a> Sweep<'a> {
    pub(super) fn new(sweeper: &'a Sweeper) -> Self {
        Self { sweeper, known: BTreeMap::new(), stuck: 0, sick: BTreeSet::new() }
    }

    /// Delivers what is due, for a bounded time; true if there was not enough of it.
    pub(super) async fn round(&mut self) -> bool {
        let due = match self.due().await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "the outage journal cannot be read now");
                return false;
            }
        };
        self.learn(&due);
        let deadline = Deadline::after(self.sweeper.settings.round());
        let parts = self.sweeper.tellers.iter().map(|teller| {
            let todo = self.todo(teller.name(), &due);
            Delivery { sweeper: self.sweeper, teller, deadline, told: HashMap::new() }.run(todo)
        });
        let mut unfinished = false;
        for (teller, (reached, part)) in self.sweeper.tellers.iter().zip(join_all(parts).await) {
            self.note(teller.name(), &part);
            unfinished |= matches!(part, Ok(Part::Unfinished));
            for (window, reached) in reached {
                if let Some(known) = self.known.get_mut(&window) {
                    known.sinks.insert(teller.name(), reached);
                }
            }
        }
        self.record(&due).await;
        unfinished
    }

    async fn due(&self) -> Result<Vec<DueWindow>, PortError> {
        let Sweeper { windows, settings, .. } = self.sweeper;
        let limit = settings.windows + self.stuck;
        let due = Deadline::after(settings.call_limit()).run(windows.due(limit)).await;
        due.unwrap_or(Err(PortError::Timeout))
    }

    fn learn(&mut self, due: &[DueWindow]) {
        let keys: BTreeSet<_> = due.iter().map(key).collect();
        self.known.retain(|key, _| keys.contains(key));
        let now = Instant::now();
        for key in keys {
            let new = || Known { first_seen: now, sinks: BTreeMap::new(), kept: None };
            self.known.entry(key).or_insert_with(new);
        }
        let oldest = self.known.values().map(|known| now - known.first_seen).max();
        self.sweeper.metrics.due(due.len(), oldest.unwrap_or_default());
    }

    /// The windows that a sink has to be told of, and from where.
    fn todo(&self, sink: &'static str, due: &[DueWindow]) -> Vec<(DueWindow, Option<PostId>)> {
        let from = |window: &DueWindow| {
            let reached = self.known.get(&key(window))?.sinks.get(sink);
            match reached.unwrap_or(&Reached::Post(None)) {
                Reached::Post(after) => Some((window.clone(), after.clone())),
                Reached::End => None,
            }
        };
        due.iter().filter(|window| concerns(window, sink)).filter_map(from).collect()
    }

    /// Says when a sink stops or begins to take deliveries.
    fn note(&mut self, sink: &'static str, part: &Result<Part, PortError>) {
        match part {
            Err(error) => {
                self.sweeper.metrics.failed(sink, error.reason());
                if self.sick.insert(sink) {
                    tracing::warn!(sink, %error, "what the sink missed waits in the journal");
                }
            }
            Ok(_) => {
                if self.sick.remove(sink) {
                    tracing::info!(sink, "the sink is told again of what it missed");
                }
            }
        }
    }

    /// Tells the journal which sinks are still to be told.
    async fn record(&mut self, due: &[DueWindow]) {
        let Sweeper { windows, settings, tellers, .. } = self.sweeper;
        self.stuck = 0;
        for window in due {
            let Some(known) = self.known.get_mut(&key(window)) else { continue };
            let left = left(window, known, tellers);
            self.stuck += usize::from(!left.is_empty());
            let before = known.kept.clone().or_else(|| window.missed.clone());
            if !left.is_empty() && before.as_ref() == Some(&left) {
                continue;
            }
            let told = windows.told(window, &left);
            match Deadline::after(settings.call_limit()).run(told).await {
                Ok(Ok(())) => known.kept = Some(left),
                Ok(Err(_)) | Err(_) => {
                    tracing::warn!("what was delivered cannot be recorded, and is told again");
                    return;
                }
            }
        }
    }
}

/// Whether a sink has to be told of a window.
fn concerns(window: &DueWindow, sink: &str) -> bool {
    match &window.missed {
        // Of what is in doubt no sink was told.
        Some(missed) => window.in_doubt || missed.iter().any(|missed| missed == sink),
        None => true,
    }
}

/// The sinks that still have to be told: those that were not, and those that only others know.
fn left(window: &DueWindow, known: &Known, tellers: &[Teller]) -> Vec<String> {
    let ended = |sink: &str| known.sinks.get(sink) == Some(&Reached::End);
    let ours = tellers.iter().map(Teller::name).filter(|sink| concerns(window, sink));
    let waiting = ours.filter(|sink| !ended(sink)).map(str::to_owned);
    let missed = window.missed.iter().flatten();
    let foreign = missed.filter(|sink| !tellers.iter().any(|t| t.name() == *sink)).cloned();
    let left: BTreeSet<String> = waiting.chain(foreign).collect();
    left.into_iter().collect()
}

fn key(window: &DueWindow) -> (u64, String) {
    (window.window, window.instance.clone())
}

type Progress = Vec<((u64, String), Reached)>;

/// What one sink is told in one round.
struct Delivery<'a> {
    sweeper: &'a Sweeper,
    teller: &'a Teller,
    deadline: Deadline,
    /// The posts told in this round, and whether they were settled for it. All windows of the
    /// round were closed before it began: once is enough.
    told: HashMap<PostId, Doubt>,
}

impl Delivery<'_> {
    async fn run(
        mut self,
        todo: Vec<(DueWindow, Option<PostId>)>,
    ) -> (Progress, Result<Part, PortError>) {
        let mut progress = Progress::new();
        for (window, mut after) in todo {
            let part = self.window(&window, &mut after).await;
            let reached = match part {
                Ok(Part::Done) => Reached::End,
                _ => Reached::Post(after),
            };
            progress.push((key(&window), reached));
            if part != Ok(Part::Done) {
                return (progress, part);
            }
        }
        (progress, Ok(Part::Done))
    }

    /// Tells the sink of a window, behind `after`, which follows.
    async fn window(
        &mut self,
        window: &DueWindow,
        after: &mut Option<PostId>,
    ) -> Result<Part, PortError> {
        let Sweeper { windows, settings, metrics, .. } = self.sweeper;
        let unsure = window.in_doubt || window.missed.is_none();
        let doubt = if unsure { Doubt::Possible } else { Doubt::None };
        while !self.deadline.is_past() {
            let page = windows.posts(window, after.as_ref(), settings.page);
            let page = Deadline::after(settings.call_limit()).run(page).await;
            let mut posts = page.unwrap_or(Err(PortError::Timeout))?;
            let Some(last) = posts.last().cloned() else { return Ok(Part::Done) };
            posts.retain(|post| !self.was_told(post, doubt));
            self.teller.tell(&posts, doubt).await?;
            metrics.delivered(self.teller.name(), posts.len());
            let room = REMEMBERED.saturating_sub(self.told.len());
            self.told.extend(posts.into_iter().take(room).map(|post| (post, doubt)));
            *after = Some(last);
        }
        Ok(Part::Unfinished)
    }

    fn was_told(&self, post: &PostId, doubt: Doubt) -> bool {
        let told = self.told.get(post);
        told.is_some_and(|&told| told == Doubt::Possible || doubt == Doubt::None)
    }
}
