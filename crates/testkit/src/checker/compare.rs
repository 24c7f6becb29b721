use std::collections::BTreeMap;

use kudos_core::{Counts, Kind, PostId, UserId, Version};

use super::ledger::Ledger;
use super::readers::Seen;
use super::verdict::{Difference, Verdict};

/// The rows that a post must have: of an open operation's two states the one that was found.
pub(super) fn decide(
    ledger: &Ledger,
    post: &PostId,
    found: &BTreeMap<UserId, Kind>,
) -> BTreeMap<UserId, Kind> {
    let rows = ledger.rows(post).into_iter().flatten();
    rows.filter_map(|(user, row)| {
        let there = found.get(user).copied();
        let applied = row.open.as_ref().is_some_and(|open| open.want == there);
        let kind = if applied { there } else { row.held };
        kind.map(|kind| (user.clone(), kind))
    })
    .collect()
}

pub(super) fn compare_rows(
    copy: &str,
    post: &PostId,
    must: &BTreeMap<UserId, Kind>,
    found: &BTreeMap<UserId, Kind>,
    verdict: &mut Verdict,
) {
    let strangers = found.keys().filter(|user| !must.contains_key(*user));
    for user in must.keys().chain(strangers) {
        let (must, found) = (must.get(user), found.get(user));
        if must != found {
            let (copy, post, what) = (copy.to_owned(), post.clone(), user.to_string());
            let (expected, found) = (format!("{must:?}"), format!("{found:?}"));
            verdict.add(Difference { copy, post, what, expected, found });
        }
    }
}

/// What is wrong with what a copy says: what, what it must be, what it is.
pub(super) fn compare_counts(
    must: &Counts,
    version: Option<Version>,
    seen: Option<&Seen>,
) -> Option<(&'static str, String, String)> {
    let Some(seen) = seen else {
        return Some(("counts", format!("{:?}", must.as_slice()), "nothing".into()));
    };
    if !seen.fresh {
        return Some(("freshness", "an answer that is up to date".into(), format!("{seen:?}")));
    }
    let counts = seen.counts.as_ref().is_none_or(|counts| counts == must);
    if !counts || seen.total != must.total() {
        return Some(("counts", format!("{:?}", must.as_slice()), format!("{seen:?}")));
    }
    let (must, found) = (version?, seen.version?);
    (must != found).then(|| ("version", format!("{must:?}"), format!("{found:?}")))
}

pub(super) fn count<'a>(kinds: impl Iterator<Item = &'a Kind>) -> Counts {
    let mut counts = Counts::new();
    for &kind in kinds {
        counts.set(kind, counts.get(kind) + 1);
    }
    counts
}

/// The last operations of users who do not hold what it left, nor what one that nobody answered
/// may have left: they were acknowledged, and did not happen.
pub(super) fn lost<'a>(
    ledger: &'a Ledger,
    post: &PostId,
    must: &'a BTreeMap<UserId, Kind>,
    found: &'a BTreeMap<UserId, Kind>,
) -> impl Iterator<Item = String> + 'a {
    let rows = ledger.rows(post).into_iter().flatten();
    let lost = rows.filter(move |(user, _)| must.get(*user) != found.get(*user));
    lost.filter_map(|(_, row)| row.key.clone())
}
