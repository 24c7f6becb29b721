//! Who ranks a page: live counts, else the index, else time.

use std::borrow::Cow;

use kudos_core::ports::{IndexHit, IndexOrder, IndexQuery};
use kudos_core::{Millis, PortError, Post, PostId, RankEntry, TimeKey};
use kudos_degraded::{Deadline, Reason, Source as Step};
use kudos_http::answer::Source;
use tokio::sync::OnceCell;

use super::walk::Walk;
use super::{SearchRequest, Sort};
use crate::service::{QueryError, QueryService, reason, source_named};

/// Candidates beyond the page that are ranked again by live counts, so that the index's lag
/// cannot hide a winner: a post would have to gain past that many others within the lag.
const SPARE: usize = 200;
/// Posts of one step of a scan in time order.
const SCAN_STEP: usize = 250;
/// The most posts whose titles a scan in time order reads.
const SCAN_MOST: usize = 2_000;

/// A post in the order of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) post: PostId,
    pub(super) created_at: Millis,
}

/// What a source ranked.
pub(super) struct Ranked {
    pub(super) source: Source,
    pub(super) degraded: bool,
    pub(super) candidates: Vec<Candidate>,
    pub(super) notes: Vec<Cow<'static, str>>,
}

impl QueryService {
    /// Enough candidates for the next page of the walk.
    pub(super) async fn rank(
        &self,
        request: &SearchRequest,
        walk: &Walk,
        deadline: Deadline,
    ) -> Result<Ranked, QueryError> {
        let search = Search { service: self, request, walk, index_hits: OnceCell::new() };
        let QueryService { settings, .. } = self;
        let live = Step::new("live", settings.index() + settings.live());
        let chain = self.chain("search", deadline);
        let chain = match (request.sort, request.text.is_empty()) {
            (Sort::Popular, true) => chain.source(live, |_| search.live_top()).await,
            (Sort::Popular, false) => chain.source(live, |own| search.reranked(own)).await,
            (Sort::Recent, true) => chain.source(live, |_| search.live_recent()).await,
            (Sort::Recent | Sort::Relevance, false) | (Sort::Relevance, true) => chain,
        };
        let index = Step::new("index", settings.index());
        let time = Step::new("time", settings.truth());
        let answer = chain
            .source(index, |own| search.indexed(own))
            .await
            .source(time, |_| search.by_time())
            .await
            .finish()
            .map_err(|_| PortError::Unavailable("no source of posts answers".into()))?;
        let mut ranked = Ranked::new(source_named(answer.source), answer.value);
        ranked.degraded = answer.degraded;
        if let Some(note) = search.note(ranked.source).filter(|_| ranked.degraded) {
            ranked.notes.push(note.into());
        }
        Ok(ranked)
    }
}

/// One search and the sources that it may ask.
struct Search<'a> {
    service: &'a QueryService,
    request: &'a SearchRequest,
    walk: &'a Walk,
    /// Asked once, also when two sources need it.
    index_hits: OnceCell<Vec<IndexHit>>,
}

impl Search<'_> {
    async fn live_top(&self) -> Result<Vec<Candidate>, Reason> {
        let reach = self.walk.reach(self.request.limit);
        let top = self.service.sources.live.top(self.walk.since, reach).await.map_err(reason)?;
        Ok(top.into_iter().map(Candidate::from).collect())
    }

    async fn live_recent(&self) -> Result<Vec<Candidate>, Reason> {
        let (since, after) = (self.walk.since, self.walk.after.as_ref());
        let live = &self.service.sources.live;
        let recent = live.recent(since, after, self.request.limit + 1).await.map_err(reason)?;
        Ok(recent.into_iter().map(Candidate::from).collect())
    }

    /// The index's candidates, ranked again by live counts.
    async fn reranked(&self, own: Deadline) -> Result<Vec<Candidate>, Reason> {
        let hits = self.hits(own).await?;
        let posts: Vec<PostId> = hits.iter().map(|hit| hit.post.clone()).collect();
        let share = own.within(self.service.settings.live());
        let live = share.run(self.service.sources.live.states(&posts)).await?;
        let rank = |(hit, state): (&IndexHit, Option<_>)| RankEntry {
            post: hit.post.clone(),
            total: state.map_or(hit.total, |s: kudos_core::PostState| s.counts.total()),
            created_at: hit.created_at,
        };
        let mut ranks: Vec<_> = hits.iter().zip(live.map_err(reason)?).map(rank).collect();
        ranks.sort_unstable();
        Ok(ranks.into_iter().map(Candidate::from).collect())
    }

    async fn indexed(&self, own: Deadline) -> Result<Vec<Candidate>, Reason> {
        Ok(self.hits(own).await?.iter().map(Candidate::from).collect())
    }

    async fn hits(&self, own: Deadline) -> Result<&Vec<IndexHit>, Reason> {
        let reach = self.walk.reach(self.request.limit);
        let (order, limit) = match self.request.sort {
            Sort::Popular => (IndexOrder::Popular, reach + SPARE),
            Sort::Relevance => (IndexOrder::Relevance, reach),
            Sort::Recent => (IndexOrder::Recent(self.walk.after.clone()), self.request.limit + 1),
        };
        let (text, since) = (self.request.text.clone(), self.walk.since);
        let query = IndexQuery { text, since, order, limit };
        let share = own.within(self.service.settings.index());
        let search = || async {
            share.run(self.service.sources.index.search(&query)).await?.map_err(reason)
        };
        self.index_hits.get_or_try_init(search).await
    }

    /// The newest posts, of those whose title has the words.
    async fn by_time(&self) -> Result<Vec<Candidate>, Reason> {
        let words = words(&self.request.text);
        let wanted = self.walk.reach(self.request.limit);
        let mut after = self.walk.after.clone();
        let (mut found, mut scanned) = (Vec::new(), 0);
        while found.len() < wanted && scanned < SCAN_MOST {
            let posts = &self.service.sources.posts;
            let step = posts.by_time(self.walk.since, after.as_ref(), SCAN_STEP).await;
            let step = step.map_err(reason)?;
            scanned += SCAN_STEP;
            after = step.last().map(|Post { created_at, id, .. }| TimeKey {
                created_at: *created_at,
                post: id.clone(),
            });
            found.extend(step.into_iter().filter(|post| has_all(&post.title, &words)));
            if after.is_none() {
                break;
            }
        }
        Ok(found.into_iter().map(Candidate::from).collect())
    }

    /// What a degraded ranking lacks.
    fn note(&self, source: Source) -> Option<&'static str> {
        match (source, self.request.text.is_empty()) {
            (Source::Index, _) => Some("ranked by the index, which lags behind the live counts"),
            (Source::Time, true) => Some("in time order"),
            (Source::Time, false) => Some("in time order; words are looked up in titles only"),
            (Source::Live | Source::Truth, _) => None,
        }
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn has_all(title: &str, words_wanted: &[String]) -> bool {
    let has = words(title);
    words_wanted.iter().all(|word| has.contains(word))
}

impl From<RankEntry> for Candidate {
    fn from(RankEntry { post, created_at, .. }: RankEntry) -> Self {
        Self { post, created_at }
    }
}

impl From<TimeKey> for Candidate {
    fn from(TimeKey { created_at, post }: TimeKey) -> Self {
        Self { post, created_at }
    }
}

impl From<&IndexHit> for Candidate {
    fn from(IndexHit { post, created_at, .. }: &IndexHit) -> Self {
        Self { post: post.clone(), created_at: *created_at }
    }
}

impl From<Post> for Candidate {
    fn from(Post { id, created_at, .. }: Post) -> Self {
        Self { post: id, created_at }
    }
}
