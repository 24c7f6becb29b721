use std::cmp::Reverse;
use std::collections::BTreeMap;

use async_trait::async_trait;
use kudos_core::ports::{IndexHit, IndexOrder, IndexQuery, PostIndex};
use kudos_core::{PortError, Post, PostId, RankEntry, TimeKey};
use parking_lot::Mutex;

/// Full-text search in memory: looks through every post. What was put shows after a refresh.
#[derive(Debug, Default)]
pub struct MemoryIndex(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    put: BTreeMap<PostId, Post>,
    visible: BTreeMap<PostId, Post>,
    totals: BTreeMap<PostId, u64>,
}

/// The words of a text: runs of letters and digits, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// How often the post has the words, twice that in its title; none unless it has all of them.
fn relevance(post: &Post, wanted: &[String]) -> Option<usize> {
    let (title, body): (Vec<_>, Vec<_>) =
        (words(&post.title).collect(), words(&post.body).collect());
    let occurrences = |word: &String| {
        let count = |text: &[String]| text.iter().filter(|w| *w == word).count();
        2 * count(&title) + count(&body)
    };
    let scores = wanted.iter().map(occurrences);
    // No words wanted: nothing is missing.
    scores.map(|n| (n > 0).then_some(n)).sum()
}

impl MemoryIndex {
    /// An index without posts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds posts, or replaces them whole.
    pub fn put(&self, posts: &[Post]) {
        self.0.lock().put.extend(posts.iter().map(|post| (post.id.clone(), post.clone())));
    }

    /// Takes posts out.
    pub fn remove(&self, posts: &[PostId]) {
        self.0.lock().put.retain(|id, _| !posts.contains(id));
    }

    /// Tells the index how many reactions a post has.
    pub fn set_total(&self, post: &PostId, total: u64) {
        self.0.lock().totals.insert(post.clone(), total);
    }
}

#[async_trait]
impl PostIndex for MemoryIndex {
    async fn refresh(&self) -> Result<(), PortError> {
        let mut held = self.0.lock();
        held.visible = held.put.clone();
        Ok(())
    }

    async fn search(&self, query: &IndexQuery) -> Result<Vec<IndexHit>, PortError> {
        let wanted: Vec<_> = words(&query.text).collect();
        if wanted.is_empty() && !query.text.is_empty() {
            return Ok(Vec::new());
        }
        let held = self.0.lock();
        let mut hits: Vec<(usize, IndexHit)> = held
            .visible
            .values()
            .filter(|post| query.since.is_none_or(|since| post.created_at >= since))
            .filter(|post| query.among.as_ref().is_none_or(|among| among.contains(&post.id)))
            .filter_map(|post| {
                let hit = IndexHit {
                    post: post.id.clone(),
                    created_at: post.created_at,
                    total: held.totals.get(&post.id).copied().unwrap_or(0),
                };
                relevance(post, &wanted).map(|score| (score, hit))
            })
            .collect();
        match &query.order {
            IndexOrder::Relevance => {
                hits.sort_by_key(|(score, hit)| (Reverse(*score), time_key(hit)));
            }
            IndexOrder::Popular => hits.sort_by_key(|(_, hit)| rank(hit)),
            IndexOrder::Recent(after) => {
                hits.retain(|(_, hit)| after.as_ref().is_none_or(|after| time_key(hit) > *after));
                hits.sort_by_key(|(_, hit)| time_key(hit));
            }
        }
        let hits = hits.into_iter().map(|(_, hit)| hit);
        Ok(hits.take(query.limit).collect())
    }
}

fn time_key(hit: &IndexHit) -> TimeKey {
    TimeKey { created_at: hit.created_at, post: hit.post.clone() }
}

fn rank(hit: &IndexHit) -> RankEntry {
    RankEntry { post: hit.post.clone(), total: hit.total, created_at: hit.created_at }
}
