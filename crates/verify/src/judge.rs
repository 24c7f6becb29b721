//! What is a difference, and what only a change under way.

use kudos_core::Snapshot;
use kudos_core::ports::{Facts, Mirror};

use crate::report::{Field, Wrong};

/// What can be said of a copy of a post at a second look.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It is as it should be.
    Equal,
    /// It is wrong, whatever is under way.
    Wrong(Wrong, Vec<Field>),
    /// The post changes: it may be right in a moment.
    Open,
}

/// The truth around the moment at which a copy was looked at.
pub(crate) struct Truth<'a> {
    /// As it was for longer than a change takes to arrive.
    pub(crate) earlier: &'a Snapshot,
    /// Just before the look.
    pub(crate) before: &'a Snapshot,
    /// Just after it.
    pub(crate) after: &'a Snapshot,
}

/// Judges what a copy holds.
pub(crate) fn judge(mirror: &dyn Mirror, truth: &Truth<'_>, held: &Facts) -> Verdict {
    let [earlier, before, after] =
        [truth.earlier, truth.before, truth.after].map(|snapshot| mirror.expected(snapshot));
    if *held == before || *held == after {
        return Verdict::Equal;
    }
    let rests = truth.earlier.version() == truth.after.version();
    // Whether a post shows, and since when, has no version that a copy could tell.
    let known = truth.earlier.revision == truth.after.revision;
    let same = |facts: &&Facts| facts.version().is_some() && facts.version() == held.version();
    let of_version = [&earlier, &before, &after].into_iter().find(same);
    let lacks = |(name, _): (&str, _)| {
        held.get(name).is_none() && before.get(name).is_some() && after.get(name).is_some()
    };
    let sure = rests
        || earlier.iter().any(lacks)
        || held.version() < earlier.version()
        || (held.version().is_some() && held.version() > after.version())
        || (known && of_version.is_some_and(|facts| facts != held));
    if !sure {
        return Verdict::Open;
    }
    // Beside a post that moves on, what it was at the copy's own version tells more.
    let right = of_version.filter(|facts| *facts != held).unwrap_or(&after);
    Verdict::Wrong(kind(right, &earlier, held), fields(right, held))
}

fn kind(right: &Facts, earlier: &Facts, held: &Facts) -> Wrong {
    let lacks = |(name, _): (&str, _)| held.get(name).is_none();
    match (right.version(), held.version()) {
        _ if right.is_empty() => Wrong::Stranger,
        _ if right.iter().any(lacks) => Wrong::Missing,
        (Some(_), Some(held)) if Some(held) < earlier.version() => Wrong::Behind,
        (Some(right), Some(held)) if held > right => Wrong::Ahead,
        _ => Wrong::Different,
    }
}

/// The values that differ.
pub(crate) fn fields(right: &Facts, held: &Facts) -> Vec<Field> {
    let missing_or_other = right.iter().filter(|&(name, said)| held.get(name) != Some(said));
    let other = missing_or_other.map(|(name, said)| (name, Some(said), held.get(name)));
    let extra = held.iter().filter(|&(name, _)| right.get(name).is_none());
    let extra = extra.map(|(name, said)| (name, None, Some(said)));
    let field = |(name, truth, found): (&str, _, _)| Field { name: name.to_owned(), truth, found };
    other.chain(extra).map(field).collect()
}

#[cfg(test)]
mod tests {
    use kudos_core::ports::Said;
    use kudos_core::{Counts, Kinds, Millis, Post, PostId, PostState, Version};
    use kudos_testkit::MemoryMirror;

    use super::*;

    fn snapshot(version: u64, likes: u64) -> Snapshot {
        let id = PostId::new("p").unwrap();
        let (title, body, author) = (String::new(), String::new(), String::new());
        let (counts, version) = (Counts::from_iter([likes]), Version(version));
        let (created_at, as_of) = (Millis(1), Millis(2));
        let state = PostState { post: id.clone(), created_at, version, counts, as_of };
        let post = Post { id, title, body, author, created_at };
        Snapshot { post, hidden: false, revision: 1, state }
    }

    fn judged(earlier: &Snapshot, now: &Snapshot, held: &Facts) -> Result<(), Option<Wrong>> {
        let mirror = MemoryMirror::new("copy");
        match judge(&mirror, &Truth { earlier, before: now, after: now }, held) {
            Verdict::Equal => Ok(()),
            Verdict::Wrong(wrong, fields) => {
                assert!(!fields.is_empty());
                Err(Some(wrong))
            }
            Verdict::Open => Err(None),
        }
    }

    #[test]
    fn of_a_post_that_rests_whatever_is_not_equal_is_wrong() {
        let (now, mirror) = (snapshot(5, 3), MemoryMirror::new("copy"));
        for (held, expected) in [
            (mirror.expected(&now), Ok(())),
            (Facts::new(), Err(Some(Wrong::Missing))),
            (mirror.expected(&snapshot(4, 2)), Err(Some(Wrong::Behind))),
            (mirror.expected(&snapshot(6, 3)), Err(Some(Wrong::Ahead))),
            (mirror.expected(&snapshot(5, 4)), Err(Some(Wrong::Different))),
        ] {
            assert_eq!(judged(&now, &now, &held), expected, "{held:?}");
        }
    }

    #[test]
    fn of_a_post_that_changes_what_may_be_on_its_way_is_left_open() {
        let (earlier, now) = (snapshot(5, 3), snapshot(8, 6));
        let mirror = MemoryMirror::new("copy");
        for (held, expected) in [
            (mirror.expected(&now), Ok(())),
            (mirror.expected(&earlier), Err(None)),
            (mirror.expected(&snapshot(7, 5)), Err(None)),
            (mirror.expected(&snapshot(4, 2)), Err(Some(Wrong::Behind))),
            (mirror.expected(&snapshot(9, 7)), Err(Some(Wrong::Ahead))),
            (mirror.expected(&snapshot(5, 9)), Err(Some(Wrong::Different))),
            (Facts::new(), Err(Some(Wrong::Missing))),
        ] {
            assert_eq!(judged(&earlier, &now, &held), expected, "{held:?}");
        }
    }

    #[test]
    fn a_hidden_post_that_is_shown_is_a_stranger() {
        let hidden = Snapshot { hidden: true, ..snapshot(5, 3) };
        let held = MemoryMirror::new("copy").expected(&snapshot(5, 3));
        assert_eq!(judged(&hidden, &hidden, &held), Err(Some(Wrong::Stranger)));
    }

    #[test]
    fn fields_that_differ_are_named_with_both_values() {
        let kinds = Kinds::new(["up"]).unwrap();
        let said = |n| Facts::new().with_counts(&Counts::from_iter([n]), &kinds);
        let expected = Field {
            name: "up".to_owned(),
            truth: Some(Said::Number(3)),
            found: Some(Said::Number(77)),
        };
        assert_eq!(fields(&said(3), &said(77)), [expected]);
    }
}
