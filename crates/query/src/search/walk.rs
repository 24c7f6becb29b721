//! How a page walk continues while counts change under it.
//!
//! Time order does not move, so a walk in it continues behind the last post. A ranked order
//! moves with every like: there the cursor carries fingerprints of the posts that were shown, and
//! the next page is the best of all others. So nothing is shown twice, and a post that rises past
//! the reader's place is shown next instead of never. The price is that a walk has an end:
//! [`MAX_SEEN`] posts.

use kudos_core::{Millis, PostId, TimeKey};
use kudos_http::answer::Source;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Sort;

/// The most posts of a ranked walk: their fingerprints are about 6.7 kB of cursor.
pub(super) const MAX_SEEN: usize = 1_000;

/// A post in the order of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) post: PostId,
    pub(super) created_at: Millis,
}

/// Forty bits of a keyed hash: of 1,000 posts shown, one in a billion others looks like one of
/// them. The key is drawn for each walk, so nobody can craft posts that hide one another.
type Fingerprint = [u8; 5];

/// The state of a page walk, carried by its cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Walk {
    key: [u8; 16],
    /// Fixed at the first page: a window that moved would drop posts from the end.
    pub(super) since: Option<Millis>,
    /// What ranked the page before.
    pub(super) source: Option<Source>,
    /// Behind which post a walk in time order continues.
    pub(super) after: Option<TimeKey>,
    seen: Vec<Fingerprint>,
}

impl Walk {
    /// A walk at its first page.
    pub(super) fn start(since: Option<Millis>) -> Self {
        let key = Uuid::new_v4().into_bytes();
        Self { key, since, source: None, after: None, seen: Vec::new() }
    }

    /// How many candidates a ranked source has to give for the page to be full and to know
    /// whether there are more.
    pub(super) fn reach(&self, limit: usize) -> usize {
        self.seen.len() + limit + 1
    }

    /// Whether the walk has shown as much as its cursor can remember.
    pub(super) fn is_exhausted(&self) -> bool {
        self.seen.len() >= MAX_SEEN
    }

    /// Takes the next page from the candidates and moves on; tells whether there are more.
    pub(super) fn take_page(
        &mut self,
        sort: Sort,
        candidates: Vec<Candidate>,
        limit: usize,
    ) -> (Vec<Candidate>, bool) {
        let limit = match sort {
            Sort::Recent => limit,
            Sort::Popular | Sort::Relevance => limit.min(MAX_SEEN.saturating_sub(self.seen.len())),
        };
        let mut unseen: Vec<Candidate> =
            candidates.into_iter().filter(|candidate| !self.has_seen(&candidate.post)).collect();
        let more = unseen.len() > limit;
        unseen.truncate(limit);
        match sort {
            Sort::Recent => {
                let key = |Candidate { created_at, post, .. }: &Candidate| TimeKey {
                    created_at: *created_at,
                    post: post.clone(),
                };
                self.after = unseen.last().map(key).or(self.after.take());
            }
            Sort::Popular | Sort::Relevance => {
                let shown: Vec<_> = unseen.iter().map(|c| self.fingerprint(&c.post)).collect();
                self.seen.extend(shown);
            }
        }
        (unseen, more)
    }

    fn has_seen(&self, post: &PostId) -> bool {
        !self.seen.is_empty() && self.seen.contains(&self.fingerprint(post))
    }

    fn fingerprint(&self, post: &PostId) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.key).update(post.as_str().as_bytes());
        hasher.finalize_xof().fill(&mut fingerprint);
        fingerprint
    }
}
