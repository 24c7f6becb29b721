//! Is there an order of one user's operations on one post that explains every answer?
//!
//! The search goes through the moments and keeps every configuration that is possible so far: what
//! the row holds, and which operations under way have happened already. An operation happens at the
//! latest when it is answered. Few of one user's are ever under way together, so there are few.

use std::collections::BTreeSet;

use kudos_core::Kind;

use super::client::Ack;
use super::operations::Op;

/// Configurations, beyond which nothing is decided.
const MOST: usize = 10_000;

/// What the row holds, and which operations that are under way have happened.
type Configuration = (Option<Kind>, BTreeSet<usize>);

/// Why there is no such order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoOrder {
    /// The answer to this operation, which is of this place, fits none.
    Answer(usize),
    /// All answers fit, and what the row holds at the end does not.
    End,
    /// Too many orders are possible.
    Undecided,
}

/// Looks for an order. `found` is what the row holds after all that was acknowledged, if known.
pub(super) fn order_exists(ops: &[&Op<'_>], found: Option<Option<Kind>>) -> Result<(), NoOrder> {
    let mut possible = BTreeSet::from([(None, BTreeSet::new())]);
    let mut under_way = BTreeSet::new();
    for (_, place, ends) in moments(ops) {
        if !ends {
            under_way.insert(place);
            continue;
        }
        possible = closure(ops, &under_way, possible)?;
        under_way.remove(&place);
        let happened =
            |(held, mut done): Configuration| done.remove(&place).then_some((held, done));
        possible = possible.into_iter().filter_map(happened).collect();
        if possible.is_empty() {
            return Err(NoOrder::Answer(place));
        }
    }
    let Some(found) = found else { return Ok(()) };
    let ends = closure(ops, &under_way, possible)?;
    if ends.iter().any(|(held, _)| *held == found) { Ok(()) } else { Err(NoOrder::End) }
}

/// Beginnings and ends, in their order.
fn moments(ops: &[&Op<'_>]) -> Vec<(u64, usize, bool)> {
    let mut moments = Vec::with_capacity(2 * ops.len());
    for (place, op) in ops.iter().enumerate() {
        moments.push((op.begun.place, place, false));
        moments.extend(op.ended.map(|(ended, _)| (ended.place, place, true)));
    }
    moments.sort_unstable();
    moments
}

/// Whatever may have happened by now.
fn closure(
    ops: &[&Op<'_>],
    under_way: &BTreeSet<usize>,
    possible: BTreeSet<Configuration>,
) -> Result<BTreeSet<Configuration>, NoOrder> {
    let mut all = possible.clone();
    let mut new: Vec<Configuration> = possible.into_iter().collect();
    while let Some((held, done)) = new.pop() {
        for &place in under_way.difference(&done) {
            let Some(after) = after(ops[place], held) else { continue };
            let mut done = done.clone();
            done.insert(place);
            if all.insert((after, done.clone())) {
                new.push((after, done));
            }
        }
        if all.len() > MOST {
            return Err(NoOrder::Undecided);
        }
    }
    Ok(all)
}

/// What a row holds after the operation, if its answer fits what the row held before.
fn after(op: &Op<'_>, held: Option<Kind>) -> Option<Option<Kind>> {
    let want = op.request.want;
    let fits = |ack: &Ack| ack.mine == want && ack.changed == (held != want);
    op.ended.is_none_or(|(_, ack)| fits(ack)).then_some(want)
}
