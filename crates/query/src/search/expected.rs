//! What a first page will most likely show: what it showed last.

use std::collections::HashMap;
use std::sync::Arc;

use kudos_core::PostId;
use kudos_core::ports::LiveEntry;
use kudos_degraded::Deadline;
use quick_cache::sync::Cache;

use super::pages::{Key, MOST};
use super::{Candidate, SearchRequest};
use crate::service::QueryService;

/// The posts that first pages of listings without words showed last. Their counts are asked for
/// together with the order: a page whose posts are the same still takes one round trip, not two.
pub(crate) struct Expected(Cache<Key, Arc<[PostId]>>);

impl Expected {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST))
    }

    fn of(&self, request: &SearchRequest) -> Option<Arc<[PostId]>> {
        self.0.get(&request.key()?)
    }

    /// Has the next such page expect these posts.
    pub(super) fn note(&self, request: &SearchRequest, page: &[Candidate]) {
        let Some(key) = request.key() else { return };
        let now = page.iter().map(|candidate| &candidate.post);
        if self.0.get(&key).is_none_or(|before| !now.clone().eq(before.iter())) {
            self.0.insert(key, now.cloned().collect());
        }
    }
}

impl QueryService {
    /// What live holds of the posts that are expected on this page; nothing if it does not say.
    pub(super) async fn expect(
        &self,
        request: &SearchRequest,
        deadline: Deadline,
    ) -> HashMap<PostId, LiveEntry> {
        let Some(posts) = self.expected.of(request) else { return HashMap::new() };
        let Ok(entries) = self.held_live(&posts, deadline).await else { return HashMap::new() };
        let held = posts.iter().zip(entries);
        held.filter_map(|(post, entry)| Some((post.clone(), entry?))).collect()
    }

    /// Entries of posts in the order asked: those of `known`, and of the others from the best
    /// source. And what they lack, if anything.
    pub(super) async fn entries_beside(
        &self,
        mut known: HashMap<PostId, LiveEntry>,
        posts: &[PostId],
        deadline: Deadline,
    ) -> (Vec<Option<LiveEntry>>, Option<&'static str>) {
        let unknown: Vec<_> = posts.iter().filter(|post| !known.contains_key(*post)).collect();
        let unknown: Vec<PostId> = unknown.into_iter().cloned().collect();
        let mut lack = None;
        if !unknown.is_empty() {
            match self.entries(&unknown, deadline).await {
                Ok((entries, from)) => {
                    let found = unknown.into_iter().zip(entries);
                    known.extend(found.filter_map(|(post, entry)| Some((post, entry?))));
                    lack = from.degraded.then_some("counts are not live");
                }
                Err(_) => lack = Some("counts are not available"),
            }
        }
        (posts.iter().map(|post| known.remove(post)).collect(), lack)
    }
}
