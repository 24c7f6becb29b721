//! Is the history of every post linearizable: could one post that does one thing after the other,
//! each between its question and its answer, have given all the answers?
//!
//! The version of a post counts its changes, and every answer tells it. So there is no order to be
//! searched: the versions are it, if each of these holds.
//!
//! 1. No two changes have one version; one version has one set of counts (`versions.rs`).
//! 2. Every version up to the last is a change that somebody asked for, each once, and all answers
//!    are what replaying them in this order gives: whether it changed anything, the counts. Only where
//!    a version was made by an operation that nobody answered is there a choice (`replay.rs`).
//! 3. What ended before something else began has a lower version, or the same if the latter changes
//!    nothing (`precedence.rs`).
//! 4. The truth ends at a version that nothing acknowledged exceeds.
//!
//! Whatever holds them is linearizable: order everything by version, the change first, then what
//! only saw it, by its beginning. 1 and 2 say that this order gives the answers, 3 that it keeps the
//! order of time. And whatever is linearizable, as an object that tells its version, holds them.
//!
//! The rows of users are searched besides (`rows.rs`), without believing any version: it names the
//! user, and is what remains where the truth keeps a post in several parts, whose versions are sums.
//!
//! An operation that nobody answered may happen at any time after it was sent, even after newer ones
//! of its user, or never. One that was answered may not happen again.

use std::collections::{BTreeMap, BTreeSet};

use kudos_core::{Kind, PostId, UserId, Version};

use super::operations::{Op, PostHistory, by_post};
use super::precedence::{Shown, violations};
use super::recording::Recording;
use super::replay::{Open, Replay};
use super::rows::{NoOrder, order_exists};
use super::verdict::{Difference, Verdict};
use super::versions::{Fault, Versions, Who, collect};

/// What the truth was found to hold, after all that was answered.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: BTreeMap<PostId, BTreeMap<UserId, Kind>>,
    pub(super) versions: BTreeMap<PostId, Version>,
}

impl Recording {
    /// Whether what was recorded is linearizable for every post, all of which were empty before.
    pub fn judge(&self) -> Verdict {
        let mut verdict = Verdict::default();
        judge(self, &Found::default(), true, &mut verdict);
        verdict
    }
}

/// Adds what is wrong with the history. Versions are believed only of posts that the truth keeps
/// in one part.
pub(super) fn judge(recording: &Recording, found: &Found, believe: bool, verdict: &mut Verdict) {
    for (post, history) in by_post(recording) {
        let rows = found.rows.get(post);
        let mut faults: Vec<Fault> = history.ops.iter().filter_map(two_answers).collect();
        faults.extend(of_rows(&history, rows));
        if believe {
            let last = found.versions.get(post).map(|version| version.0);
            faults.extend(of_versions(&history, rows, last));
        }
        for Fault { what, expected, found, lost } in faults {
            verdict.lost(lost);
            let (copy, post) = ("history".into(), post.clone());
            verdict.add(Difference { copy, post, what, expected, found });
        }
    }
}

fn two_answers(op: &Op<'_>) -> Option<Fault> {
    let (other, (_, first)) = (op.other?, op.ended?);
    Some(Fault::new(Who::Op(op), format!("{first:?} again"), format!("{other:?}")))
}

type Rows = BTreeMap<UserId, Kind>;

fn of_rows(history: &PostHistory<'_>, found: Option<&Rows>) -> Vec<Fault> {
    let mut users: BTreeMap<&UserId, Vec<&Op<'_>>> = BTreeMap::new();
    for op in &history.ops {
        users.entry(&op.request.user).or_default().push(op);
    }
    let fault = |(user, ops): (&UserId, Vec<&Op<'_>>)| {
        let found = found.map(|rows| rows.get(user).copied());
        let (what, seen) = match order_exists(&ops, found).err()? {
            NoOrder::Answer(place) => {
                let answer = ops[place].ended.map(|(_, ack)| ack);
                (Who::Op(ops[place]).to_string(), format!("{answer:?}"))
            }
            NoOrder::End => (format!("what {user} holds"), format!("{found:?}")),
            NoOrder::Undecided => (format!("what {user} did"), "too many orders".into()),
        };
        Some(Fault::new(what, "an order of the user's operations that explains it", seen))
    };
    users.into_iter().filter_map(fault).collect()
}

fn of_versions(history: &PostHistory<'_>, rows: Option<&Rows>, truth: Option<u64>) -> Vec<Fault> {
    let (versions, mut faults) = collect(history);
    if let Some(truth) = truth {
        faults.extend(beyond(&versions, truth));
    }
    let shown = Shown::of(history);
    let highest = versions.last_key_value().map_or(0, |(version, _)| *version);
    let last = highest.max(truth.unwrap_or(0));
    // Two changes of one version leave nothing to replay.
    let placed = match faults.is_empty() {
        true => replay(history, &versions, last, rows, &shown),
        false => Ok(Vec::new()),
    };
    let placed = placed.unwrap_or_else(|fault| {
        faults.push(fault);
        Vec::new()
    });
    faults.extend(violations(history, &placed, &shown));
    faults
}

/// What was acknowledged, and is newer than what the truth has.
fn beyond(versions: &Versions<'_>, truth: u64) -> Vec<Fault> {
    let newer = versions.range(truth.saturating_add(1)..);
    newer
        .filter_map(|(version, at)| {
            let who = at.change.map(Who::Op).or(at.counts.map(|(_, who)| who))?;
            let expected = format!("at most version {truth}, which is the truth's");
            let lost = at.change.map(|op| op.request.key.clone());
            Some(Fault { lost, ..Fault::new(who, expected, format!("version {version}")) })
        })
        .collect()
}

fn replay<'a>(
    history: &'a PostHistory<'a>,
    versions: &'a Versions<'a>,
    last: u64,
    rows: Option<&Rows>,
    shown: &Shown<'a>,
) -> Result<Vec<(u64, &'a Op<'a>)>, Fault> {
    let open = |op: &'a Op<'a>| Open {
        op,
        after: shown.before(op.begun).map_or(0, |(version, _)| version),
        found: rows.map(|rows| rows.get(&op.request.user).copied()),
    };
    let open: Vec<_> = history.ops.iter().filter(|op| op.ended.is_none()).map(open).collect();
    let made: BTreeSet<u64> = versions
        .iter()
        .filter(|(_, at)| at.change.is_some())
        .map(|(version, _)| *version)
        .collect();
    let gaps = last.saturating_sub(made.len() as u64);
    if gaps > open.len() as u64 {
        let first = (1..=last).find(|version| !made.contains(version)).unwrap_or(last);
        let what = format!("{gaps} versions up to {last}, the first of which is {first}");
        let expected = format!("at most {} of operations that nobody answered", open.len());
        return Err(Fault::new(what, expected, "made by nobody"));
    }
    Replay::new(versions, last, open).run()
}
