//! One version after the other: is each answer what the operations up to it lead to?
//!
//! A version that no acknowledged operation has made is that of one that nobody answered. Which one
//! is searched: of those that were sent before anything later was shown, and that fit the counts.

use std::collections::{HashMap, HashSet};

use kudos_core::{Counts, Kind, UserId};

use super::operations::Op;
use super::versions::{Fault, Versions, Who};

/// Steps of the search, after which nothing is decided.
const MOST: usize = 1_000_000;

/// An operation that nobody answered: at the earliest it made the version after this one.
pub(super) struct Open<'a> {
    pub(super) op: &'a Op<'a>,
    pub(super) after: u64,
    /// What its user holds at the end, if anybody looked.
    pub(super) found: Option<Option<Kind>>,
}

/// A version that one of several operations may have made.
struct Choice {
    version: u64,
    /// How many changes were made before it.
    depth: usize,
    /// The one that is tried.
    open: usize,
}

pub(super) struct Replay<'a> {
    versions: &'a Versions<'a>,
    last: u64,
    open: Vec<Open<'a>>,
    /// Whether each of the open ones has its place.
    used: Vec<bool>,
    rows: HashMap<&'a UserId, Option<Kind>>,
    counts: Counts,
    /// Who changed what from what, to take it back.
    trail: Vec<(&'a UserId, Option<Kind>)>,
    choices: Vec<Choice>,
    /// Where the search has failed: the version, and what the open operations have done.
    failed: HashSet<(u64, Vec<bool>, Vec<Option<Kind>>)>,
    /// The reason that came last in the order of versions.
    reason: Option<(u64, Fault)>,
}

impl<'a> Replay<'a> {
    /// Up to the version `last`. There are at most as many versions without a known change as open
    /// operations.
    pub(super) fn new(versions: &'a Versions<'a>, last: u64, open: Vec<Open<'a>>) -> Self {
        Self {
            versions,
            last,
            used: vec![false; open.len()],
            open,
            rows: HashMap::new(),
            counts: Counts::new(),
            trail: Vec::new(),
            choices: Vec::new(),
            failed: HashSet::new(),
            reason: None,
        }
    }

    /// The open operations that have made a version, with it.
    pub(super) fn run(mut self) -> Result<Vec<(u64, &'a Op<'a>)>, Fault> {
        let mut version = 0;
        self.fits(version)?;
        for _ in 0..MOST {
            if version == self.last {
                match self.end() {
                    Ok(()) => {
                        let placed = self.choices.iter();
                        return Ok(placed.map(|c| (c.version, self.open[c.open].op)).collect());
                    }
                    Err(fault) => version = self.another(version, fault)?,
                }
                continue;
            }
            let next = version + 1;
            let made = match self.versions.get(&next).and_then(|at| at.change) {
                Some(op) => self.make(next, op),
                None => self.choose(next, 0),
            };
            version = match made {
                Ok(()) => next,
                Err(fault) => self.another(next, fault)?,
            };
        }
        let found = format!("more than {MOST} steps");
        Err(Fault::new("the order of what was never answered", "an order that is found", found))
    }

    /// Goes back to the last choice that has another way; the version where it goes on.
    fn another(&mut self, version: u64, fault: Fault) -> Result<u64, Fault> {
        if self.reason.as_ref().is_none_or(|(last, _)| version > *last) {
            self.reason = Some((version, fault.clone()));
        }
        while let Some(Choice { version, depth, open }) = self.choices.pop() {
            self.back_to(depth);
            self.used[open] = false;
            if self.choose(version, open + 1).is_ok() {
                return Ok(version);
            }
        }
        Err(self.reason.take().map_or(fault, |(_, reason)| reason))
    }

    /// Makes a version by the first open operation that fits, of those from `first` on.
    fn choose(&mut self, version: u64, first: usize) -> Result<(), Fault> {
        let depth = self.trail.len();
        let nobody = || Fault::new(format!("version {version}"), "an operation", "nobody's");
        if first == 0 && !self.failed.insert(self.situation(version)) {
            return Err(nobody());
        }
        for place in first..self.open.len() {
            let Open { op, after, .. } = self.open[place];
            if self.used[place] || version <= after || self.make(version, op).is_err() {
                continue;
            }
            self.used[place] = true;
            self.choices.push(Choice { version, depth, open: place });
            return Ok(());
        }
        Err(nobody())
    }

    fn situation(&self, version: u64) -> (u64, Vec<bool>, Vec<Option<Kind>>) {
        let rows = self.open.iter().map(|open| self.held(&open.op.request.user));
        (version, self.used.clone(), rows.collect())
    }

    fn held(&self, user: &UserId) -> Option<Kind> {
        self.rows.get(user).copied().flatten()
    }

    /// Makes a version by an operation, or does nothing.
    fn make(&mut self, version: u64, op: &'a Op<'a>) -> Result<(), Fault> {
        let (user, want) = (&op.request.user, op.request.want);
        let held = self.held(user);
        if held == want {
            let expected = format!("no change at version {version}, as {want:?} is held");
            return Err(Fault::new(Who::Op(op), expected, "a change"));
        }
        let depth = self.trail.len();
        self.shift(user, want);
        self.trail.push((user, held));
        self.fits(version).inspect_err(|_| self.back_to(depth))
    }

    fn back_to(&mut self, depth: usize) {
        while self.trail.len() > depth {
            if let Some((user, held)) = self.trail.pop() {
                self.shift(user, held);
            }
        }
    }

    fn shift(&mut self, user: &'a UserId, to: Option<Kind>) {
        let from = self.rows.insert(user, to).flatten();
        self.counts.shift(from, to).expect("the counts are those of the rows");
    }

    /// Whether what was said of a version is so.
    fn fits(&self, version: u64) -> Result<(), Fault> {
        let Some(at) = self.versions.get(&version) else { return Ok(()) };
        if let Some((counts, who)) = at.counts.filter(|(counts, _)| **counts != self.counts) {
            let expected = format!("{:?} at version {version}", self.counts.as_slice());
            return Err(Fault::new(who, expected, format!("{:?}", counts.as_slice())));
        }
        let differs = |op: &&&Op<'_>| self.held(&op.request.user) != op.request.want;
        let Some(op) = at.still.iter().find(differs) else { return Ok(()) };
        let held = self.held(&op.request.user);
        let expected = format!("a change, as {held:?} is held at version {version}");
        Err(Fault::new(Who::Op(op), expected, "no change"))
    }

    /// Whether the users of open operations hold what they were found to hold.
    fn end(&self) -> Result<(), Fault> {
        let differs =
            |open: &&Open<'_>| open.found.is_some_and(|it| it != self.held(&open.op.request.user));
        let Some(Open { op, found, .. }) = self.open.iter().find(differs) else { return Ok(()) };
        let user = &op.request.user;
        let expected = format!("{:?} at the last version", self.held(user));
        Err(Fault::new(format!("what {user} holds"), expected, format!("{found:?}")))
    }
}
