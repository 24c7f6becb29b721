//! One run of the projector: what arrives, what flies, and what lands.

use std::collections::HashSet;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kudos_core::ports::{Projection, Put, Record};
use kudos_core::{Change, PortError, PostId, PostState, Snapshot};
use tokio::time::Instant;

use super::Projector;
use super::aside::Aside;
use super::flight::{self, Flight, Landing, Wanted};
use super::lane::{Landed, Lane, Wait};
use super::offsets::Offsets;
use super::pace::Pace;

/// The lane of records that nobody can understand.
const NO_LANE: usize = usize::MAX;

/// A projection, and what it has to learn.
struct Line {
    lane: Lane,
    projection: Arc<dyn Projection>,
    flying: bool,
    failures: u32,
    rests_until: Option<Instant>,
}

impl Line {
    /// When it can fly next; none while it flies or has nothing to learn.
    fn due(&self) -> Option<Instant> {
        let due = self.lane.due().filter(|_| !self.flying)?;
        Some(self.rests_until.map_or(due, |until| until.max(due)))
    }
}

/// The state of one run.
pub(super) struct Course<'a> {
    projector: &'a Projector,
    pace: Pace,
    lines: Vec<Line>,
    offsets: Offsets,
    aside: Aside,
    flights: FuturesUnordered<Flight>,
    arrivals: u64,
    committing: bool,
    commits_at: Instant,
}

impl<'a> Course<'a> {
    pub(super) fn new(projector: &'a Projector) -> Self {
        let pace = Pace::of(&projector.settings);
        let line = |projection: &Arc<dyn Projection>| Line {
            lane: Lane::new(pace),
            projection: Arc::clone(projection),
            flying: false,
            failures: 0,
            rests_until: None,
        };
        Self {
            projector,
            pace,
            lines: projector.projections.iter().map(line).collect(),
            offsets: Offsets::default(),
            aside: Aside::default(),
            flights: FuturesUnordered::new(),
            arrivals: 0,
            committing: false,
            commits_at: Instant::now(),
        }
    }

    /// Whether more records fit.
    pub(super) fn has_room(&self) -> bool {
        let settings = &self.projector.settings;
        let crowded = |line: &Line| line.lane.waiting() >= settings.pending_posts;
        self.offsets.waiting() < settings.pending_records
            && !self.lines.iter().any(crowded)
            && !self.aside.is_full()
    }

    /// Whether nothing is left to do.
    pub(super) fn is_done(&self) -> bool {
        self.flights.is_empty() && self.offsets.waiting() == 0 && self.aside.is_empty()
    }

    /// Takes over records from the feed.
    pub(super) fn arrive(&mut self, records: Vec<Record>) {
        let now = Instant::now();
        for record in records {
            self.arrivals += 1;
            let (arrival, place) = (self.arrivals, (record.partition, record.offset));
            self.offsets.arrived(record.partition, record.offset, arrival);
            match &record.change {
                Ok(Change { state, .. }) => {
                    let wait = Wait { arrival, place, since: record.at };
                    for line in &mut self.lines {
                        line.lane.mark(&state.post, wait, now);
                    }
                }
                Err(reason) => {
                    let reason = reason.clone();
                    tracing::error!(?place, reason, "a record cannot be read, and is set aside");
                    self.aside.add((arrival, NO_LANE), record, reason);
                }
            }
        }
    }

    /// Lets everything fly that can, and tells when to look again.
    pub(super) fn launch(&mut self) -> Option<Instant> {
        let now = Instant::now();
        self.launch_reads(now);
        let call = self.projector.settings.call_limit();
        if let Some((key, record, reason)) = self.aside.take(now) {
            let feed = Arc::clone(&self.projector.feed);
            self.flights.push(flight::set_aside(feed, key, record, reason, call));
        }
        let committed_at = self.launch_commit(now);
        let lines = self.lines.iter().filter_map(Line::due);
        lines.chain(self.aside.due()).chain(committed_at).min()
    }

    fn launch_reads(&mut self, now: Instant) {
        let batch = self.projector.settings.batch;
        let mut wanted = Wanted::new();
        for (number, line) in self.lines.iter_mut().enumerate() {
            if line.due().is_none_or(|due| due > now) {
                continue;
            }
            let posts = line.lane.take(now, batch);
            if !posts.is_empty() {
                line.flying = true;
                wanted.push((number, posts));
            }
        }
        if !wanted.is_empty() {
            let truth = Arc::clone(&self.projector.truth);
            self.flights.push(flight::read(truth, wanted, self.projector.settings.call_limit()));
        }
    }

    /// Commits what is done with, now and then; tells when the next time is, if one is needed.
    fn launch_commit(&mut self, now: Instant) -> Option<Instant> {
        let lines = self.lines.iter().filter_map(|line| line.lane.earliest());
        self.offsets.settle(lines.chain(self.aside.earliest()).min());
        let open = self.offsets.uncommitted();
        if open.is_empty() || self.committing {
            return None;
        }
        if self.commits_at > now {
            return Some(self.commits_at);
        }
        self.committing = true;
        let (feed, settings) = (Arc::clone(&self.projector.feed), &self.projector.settings);
        self.commits_at = now + settings.commit_pause();
        self.flights.push(flight::commit(feed, open, settings.call_limit()));
        None
    }

    /// Waits for the next flight to land, and takes it in; for ever if none is on its way.
    pub(super) async fn land(&mut self) {
        match self.flights.next().await {
            Some(landing) => self.take_in(landing),
            None => std::future::pending().await,
        }
    }

    fn take_in(&mut self, landing: Landing) {
        match landing {
            Landing::Read(wanted, Ok(mut snapshots)) => {
                let last = wanted.len() - 1;
                for (i, (number, posts)) in wanted.into_iter().enumerate() {
                    // The last lane takes them, the others a copy.
                    let known = posts.iter().filter_map(|post| match i == last {
                        true => snapshots.remove(post),
                        false => snapshots.get(post).cloned(),
                    });
                    let known: Vec<_> = known.collect();
                    self.put(number, &posts, known);
                }
            }
            Landing::Read(wanted, Err(error)) => {
                for (number, posts) in wanted {
                    self.fail(number, &posts, &error, "the truth cannot be read");
                }
            }
            Landing::Put(number, states, Ok(puts)) => self.landed(number, states, puts),
            Landing::Put(number, states, Err(error)) => {
                let posts: Vec<_> = states.into_iter().map(|state| state.post).collect();
                self.fail(number, &posts, &error, "a projection takes nothing");
            }
            Landing::Committed(offsets, committed) => {
                self.committing = false;
                match committed {
                    Ok(()) => self.offsets.committed(&offsets),
                    Err(error) => tracing::warn!(%error, "offsets cannot be committed now"),
                }
            }
            Landing::SetAside(key, Ok(())) => self.aside.land(key, None),
            Landing::SetAside(key, Err(error)) => {
                tracing::warn!(%error, "a record cannot be set aside now");
                self.aside.failures = self.aside.failures.saturating_add(1);
                let pause = self.pace.after_failure(self.aside.failures);
                self.aside.land(key, Some(Instant::now() + pause));
            }
        }
    }

    /// Puts what the truth knows; of what it does not know there is nothing to tell.
    fn put(&mut self, number: usize, posts: &[PostId], known: Vec<Snapshot>) {
        let (line, now) = (&mut self.lines[number], Instant::now());
        if known.len() < posts.len() {
            let found: HashSet<_> = known.iter().map(|s| &s.post.id).collect();
            for post in posts.iter().filter(|post| !found.contains(post)) {
                line.lane.land(post, Landed::Done, now);
            }
        }
        line.flying = !known.is_empty();
        if line.flying {
            let projection = Arc::clone(&line.projection);
            let limit = self.projector.settings.put_limit();
            self.flights.push(flight::put(number, projection, known, limit));
        }
    }

    fn landed(&mut self, number: usize, states: Vec<PostState>, puts: Vec<Put>) {
        let (now, wall) = (Instant::now(), self.projector.clock.now());
        let metrics = &self.projector.metrics;
        let line = &mut self.lines[number];
        let name = line.projection.name();
        if line.failures > 0 {
            tracing::info!(projection = name, "a projection takes posts again");
        }
        (line.flying, line.failures, line.rests_until) = (false, 0, None);
        for (state, put) in states.into_iter().zip(puts) {
            let post = &state.post;
            match put {
                Put::Held => {
                    if let Some(wait) = line.lane.land(post, Landed::Done, now) {
                        metrics.flushed(name, wait.since, wall);
                    }
                }
                Put::Retry(error) => {
                    line.lane.land(post, Landed::Again, now);
                    metrics.failed(name, error.reason(), 1);
                }
                Put::Refused(reason) => {
                    tracing::error!(projection = name, %post, reason, "a post is refused");
                    metrics.refused(name);
                    if let Some(wait) = line.lane.land(post, Landed::Done, now) {
                        let record = record_of(state, &wait);
                        self.aside.add((wait.arrival, number), record, format!("{name}: {reason}"));
                    }
                }
            }
        }
        metrics.pending(name, line.lane.waiting());
    }

    /// Nothing of a flight was of use: its posts fly again, and the line rests.
    fn fail(&mut self, number: usize, posts: &[PostId], error: &PortError, what: &str) {
        let (line, now) = (&mut self.lines[number], Instant::now());
        let name = line.projection.name();
        if line.failures == 0 {
            tracing::warn!(projection = name, %error, "{what}");
        }
        line.flying = false;
        line.failures = line.failures.saturating_add(1);
        line.rests_until = Some(now + self.pace.after_failure(line.failures));
        for post in posts {
            line.lane.land(post, Landed::Again, now);
        }
        self.projector.metrics.failed(name, error.reason(), posts.len() as u64);
        self.projector.metrics.pending(name, line.lane.waiting());
    }

    /// From now on nothing waits for its pace, and what is done with is committed at once.
    pub(super) fn hurry(&mut self) {
        let now = Instant::now();
        self.lines.iter_mut().for_each(|line| line.lane.hurry(now));
        self.commits_at = now;
    }

    /// Commits what is done with, if anything is.
    pub(super) async fn commit_now(&mut self) {
        self.commits_at = Instant::now();
        self.committing = false;
        let _ = self.launch_commit(self.commits_at);
        while let Some(landing) = self.flights.next().await {
            let committed = matches!(landing, Landing::Committed(..));
            self.take_in(landing);
            if committed {
                return;
            }
        }
    }
}

/// A post that a projection refuses, as a record that can be set aside.
fn record_of(state: PostState, wait: &Wait) -> Record {
    let Wait { place: (partition, offset), since: at, .. } = *wait;
    Record { partition, offset, at, change: Ok(Change { state, users: Vec::new() }) }
}
