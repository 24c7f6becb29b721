//! Does the order of the versions keep the order of time? What ended before something else began
//! comes before it.

use super::operations::{Look, Op, PostHistory};
use super::recording::{Freshness, Moment};
use super::versions::{Fault, Who};

/// For each moment, the highest version that an answer had shown until then, and whose it was.
pub(super) struct Shown<'a>(Vec<(Moment, u64, Who<'a>)>);

impl<'a> Shown<'a> {
    /// Of every answer to an operation, and every read: what was shown has happened.
    pub(super) fn of(history: &'a PostHistory<'a>) -> Self {
        let ops = history
            .ops
            .iter()
            .filter_map(|op| op.ended.map(|(ended, ack)| (ended, ack.version.0, Who::Op(op))));
        let looks = history.looks.iter();
        let looks = looks.map(|look| (look.ended, look.shown.version.0, Who::Look(look)));
        let mut all: Vec<_> = ops.chain(looks).collect();
        all.sort_by_key(|(ended, ..)| *ended);
        let mut highest = None;
        for (_, version, who) in &mut all {
            let (most, whose) = *highest.get_or_insert((*version, *who));
            if most >= *version {
                (*version, *who) = (most, whose);
            }
            highest = Some((*version, *who));
        }
        Self(all)
    }

    /// The highest version that was shown before something began.
    pub(super) fn before(&self, begun: Moment) -> Option<(u64, Who<'a>)> {
        self.at(self.0.partition_point(|(ended, ..)| ended.place < begun.place))
    }

    /// The highest version that a read must have.
    fn due(&self, look: &Look<'_>) -> Option<(u64, Who<'a>)> {
        match look.shown.freshness {
            Freshness::Fresh => self.before(look.begun),
            Freshness::Within(lag) => {
                self.at(self.0.partition_point(|(ended, ..)| ended.at + lag < look.begun.at))
            }
            Freshness::Old => None,
        }
    }

    fn at(&self, many: usize) -> Option<(u64, Who<'a>)> {
        let (_, version, who) = self.0[..many].last()?;
        Some((*version, *who))
    }
}

/// What comes before something that ended before it began. The operations that nobody answered
/// come with the version at which they have their place.
pub(super) fn violations<'a>(
    history: &'a PostHistory<'a>,
    placed: &[(u64, &'a Op<'a>)],
    shown: &Shown<'a>,
) -> Vec<Fault> {
    let answered = history
        .ops
        .iter()
        .filter_map(|op| op.ended.map(|(_, ack)| (ack.version.0, op, ack.changed)));
    let ops = answered.chain(placed.iter().map(|&(version, op)| (version, op, true)));
    let ops = ops.filter_map(|(version, op, changed)| {
        let (least, whose) = shown.before(op.begun)?;
        let least = least + u64::from(changed);
        (version < least).then(|| too_old(Who::Op(op), version, least, whose))
    });
    let looks = history.looks.iter().filter_map(|look| {
        let (least, whose) = shown.due(look)?;
        let version = look.shown.version.0;
        (version < least).then(|| too_old(Who::Look(look), version, least, whose))
    });
    ops.chain(looks).collect()
}

fn too_old(who: Who<'_>, version: u64, least: u64, whose: Who<'_>) -> Fault {
    let expected = format!("version {least} or above, after {whose}");
    Fault::new(who, expected, format!("version {version}"))
}
