//! A snapshot as it is stored: one document a post.

use kudos_core::{Counts, Kinds, Snapshot};
use serde::{Serialize, Serializer};

/// The greatest number that the server's `long` holds, and the greatest version.
pub(crate) const MAX_LONG: u64 = i64::MAX as u64;

/// All fields of `migrations/elasticsearch`. A hidden post keeps its document, because a deleted
/// document's version is soon forgotten and an older snapshot would bring it back; but not its
/// text.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    post: &'a str,
    title: &'a str,
    body: &'a str,
    author: &'a str,
    created_at: u64,
    counts: ByKind<'a>,
    reaction_count: u64,
    version: u64,
    hidden: bool,
}

impl<'a> Document<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, kinds: &'a Kinds) -> Self {
        let Snapshot { post, hidden, state, .. } = snapshot;
        let shown = |text: &'a String| if *hidden { "" } else { text.as_str() };
        Self {
            post: post.id.as_str(),
            title: shown(&post.title),
            body: shown(&post.body),
            author: shown(&post.author),
            created_at: post.created_at.0,
            counts: ByKind { kinds, counts: &state.counts },
            reaction_count: state.counts.total(),
            version: version(snapshot),
            hidden: *hidden,
        }
    }
}

/// The version of the document.
pub(crate) fn version(snapshot: &Snapshot) -> u64 {
    snapshot.version().min(MAX_LONG)
}

/// Counts by name, without zeros.
struct ByKind<'a> {
    kinds: &'a Kinds,
    counts: &'a Counts,
}

impl Serialize for ByKind<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { kinds, counts } = self;
        let held = kinds.all().filter(|&kind| counts.get(kind) > 0);
        serializer.collect_map(held.map(|kind| (kinds.name(kind), counts.get(kind))))
    }
}
