//! The known key that a mistyped one probably means.

use std::collections::BTreeSet;

use super::{
    env,
    error::{Origin, UnknownKey},
};

/// Names the unknown `key` together with the nearest of the `known` dotted keys.
pub(super) fn unknown(key: String, origin: Origin, known: &BTreeSet<String>) -> UnknownKey {
    let nearest = nearest(&key, known).map(|key| match origin {
        Origin::Env(_) => env::variable(key),
        _ => key.to_owned(),
    });
    UnknownKey { key, origin, nearest }
}

fn nearest<'a>(key: &str, known: &'a BTreeSet<String>) -> Option<&'a str> {
    // A third of the characters: `lisen` is near `listen`, `foo` is near nothing.
    let limit = (key.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (distance(key, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate.as_str())
}

/// Edits between two keys. A dot in place of an underscore is the commonest slip in a variable's
/// name (`KUDOS_HTTP_LISTEN`), so the two count as one character.
fn distance(a: &str, b: &str) -> usize {
    strsim::osa_distance(&a.replace('.', "_"), &b.replace('.', "_"))
}
