//! Who ranks a page: live counts, else the index, else time.

use std::borrow::Cow;
use std::collections::HashSet;

use kudos_core::ports::{IndexHit, IndexOrder, IndexQuery, LiveEntry};
use kudos_core::{PortError, Post, PostId, RankEntry, TimeKey};
use kudos_degraded::{Deadline, Missing, Reason, Reply, Source as Step};
use kudos_http::answer::Source;
use tokio::sync::OnceCell;

use super::walk::{Candidate, Walk};
use super::{SearchRequest, Sort};
use crate::service::{QueryError, QueryService, reason, source_named};

/// Candidates beyond the page that are ranked again by live counts, so that the index's lag
/// cannot hide a winner: a post would have to gain past that many others within the lag.
const SPARE: usize = 200;
/// The most posts of one step of a scan in time order.
const SCAN_STEP: usize = 250;
/// The most posts whose titles a scan in time order reads.
const SCAN_MOST: usize = 2_000;

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
        let live = Step::new("live", settings.live());
        // The candidates come from the index.
        let reranked = Step::new("live", settings.index() + settings.live());
        let chain = self.chain("search", deadline);
        let chain = match (request.sort, request.text.is_empty()) {
            (Sort::Popular, true) => chain.source(live, |_| search.live_top()).await,
            (Sort::Popular, false) => {
                chain.partial_source(reranked, |own| search.reranked(own)).await
            }
            (Sort::Recent, true) => chain.source(live, |_| search.live_recent()).await,
            (Sort::Recent | Sort::Relevance, false) | (Sort::Relevance, true) => chain,
        };
        let index = Step::new("index", settings.index());
        // The last one has all that is left, but for what its page takes to fill.
        let time = Step::new("time", settings.total().saturating_sub(settings.live()));
        let answer = chain
            .source(index, |own| search.indexed(own))
            .await
            .partial_source(time, |own| search.by_time(own))
            .await
            .finish()
            .map_err(|_| PortError::Unavailable("no source of posts answers".into()))?;
        let mut ranked = Ranked::new(source_named(answer.source), answer.value);
        ranked.degraded = answer.degraded;
        let passed_over = search.note(ranked.source).filter(|_| !answer.tried.is_empty());
        ranked.notes.extend(passed_over.map(Cow::from));
        let part = answer.missing.map(|missing| match ranked.source {
            Source::Time => Cow::from("only the newest posts were looked through"),
            _ => {
                format!("{} of {} posts are not ranked by live counts", missing.missing, missing.of)
                    .into()
            }
        });
        ranked.notes.extend(part);
        Ok(ranked)
    }
}

/// One search and the sources that it may ask.
struct Search<'a> {
    service: &'a QueryService,
    request: &'a SearchRequest,
    walk: &'a Walk,
    /// Asked once, also when two sources need it: a failure too, which would fail again as slowly.
    index_hits: OnceCell<Result<Vec<IndexHit>, Reason>>,
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

    /// The index's candidates, ranked again by live counts; where live holds nothing, by the
    /// truth's, and if that is out too, by those of the index.
    async fn reranked(&self, own: Deadline) -> Result<Reply<Vec<Candidate>>, Reason> {
        let (hits, recent) = futures::join!(self.hits(own), self.recent(own));
        let (hits, recent) = (hits?, recent?);
        let known: HashSet<_> = hits.iter().map(|hit| &hit.post).collect();
        let risen = recent.iter().filter(|hit| !known.contains(&hit.post));
        let hits: Vec<_> = hits.iter().chain(risen).collect();
        let posts: Vec<PostId> = hits.iter().map(|hit| hit.post.clone()).collect();
        let rank = |entries: Vec<Option<LiveEntry>>| {
            let entry = |(hit, entry): (&&IndexHit, Option<LiveEntry>)| RankEntry {
                post: hit.post.clone(),
                total: entry.map_or(hit.total, |entry| entry.state.counts.total()),
                created_at: hit.created_at,
            };
            let mut ranks: Vec<_> = hits.iter().zip(entries).map(entry).collect();
            ranks.sort_unstable();
            ranks.into_iter().map(Candidate::from).collect()
        };
        Ok(match self.service.live_entries(&posts, own).await? {
            Reply::Whole(entries) => Reply::Whole(rank(entries)),
            Reply::Partial(entries, missing) => Reply::Partial(rank(entries), missing),
        })
    }

    async fn indexed(&self, own: Deadline) -> Result<Vec<Candidate>, Reason> {
        Ok(self.hits(own).await?.iter().map(Candidate::from).collect())
    }

    /// Matching posts that changed so lately that the index may rank them too low, or not at all.
    async fn recent(&self, own: Deadline) -> Result<Vec<IndexHit>, Reason> {
        let Some(recent) = &self.service.sources.recent else { return Ok(Vec::new()) };
        let among = recent.leaders();
        if among.is_empty() {
            return Ok(Vec::new());
        }
        let limit = among.len();
        let (text, since) = (self.request.text.clone(), self.walk.since);
        let query =
            IndexQuery { text, since, among: Some(among), order: IndexOrder::Popular, limit };
        let share = own.within(self.service.settings.index());
        share.run(self.service.sources.index.search(&query)).await?.map_err(reason)
    }

    async fn hits(&self, own: Deadline) -> Result<&Vec<IndexHit>, Reason> {
        let reach = self.walk.reach(self.request.limit);
        let (order, limit) = match self.request.sort {
            Sort::Popular => (IndexOrder::Popular, reach + SPARE),
            Sort::Relevance => (IndexOrder::Relevance, reach),
            Sort::Recent => (IndexOrder::Recent(self.walk.after.clone()), self.request.limit + 1),
        };
        let (text, since) = (self.request.text.clone(), self.walk.since);
        let query = IndexQuery { text, since, among: None, order, limit };
        let share = own.within(self.service.settings.index());
        let search = || async {
            share.run(self.service.sources.index.search(&query)).await?.map_err(reason)
        };
        self.index_hits.get_or_init(search).await.as_ref().map_err(|why| *why)
    }

    /// The newest posts, of those whose title has the words. What was found when the time is up,
    /// or as much was read as may be, is a part.
    async fn by_time(&self, own: Deadline) -> Result<Reply<Vec<Candidate>>, Reason> {
        let words = words(&self.request.text);
        if words.is_empty() && !self.request.text.is_empty() {
            return Ok(Reply::Whole(Vec::new()));
        }
        let wanted = self.walk.reach(self.request.limit);
        // Without words every post matches, and a post that is not shown is not read.
        let step_size = if words.is_empty() { wanted.min(SCAN_STEP) } else { SCAN_STEP };
        let mut after = self.walk.after.clone();
        let (mut found, mut scanned) = (Vec::new(), 0);
        while found.len() < wanted {
            let posts = &self.service.sources.posts;
            let step = own.run(posts.by_time(self.walk.since, after.as_ref(), step_size)).await;
            let step = match step {
                Ok(step) => step.map_err(reason)?,
                Err(_) if scanned > 0 => return Ok(part(found)),
                Err(elapsed) => return Err(elapsed.into()),
            };
            let at_end = step.len() < step_size;
            scanned += step.len();
            after = step.last().map(|Post { created_at, id, .. }| TimeKey {
                created_at: *created_at,
                post: id.clone(),
            });
            let matching = step.into_iter().filter(|post| has_all(&post.title, &words));
            found.extend(matching.map(Candidate::from));
            if at_end {
                break;
            }
            if scanned >= SCAN_MOST && found.len() < wanted {
                return Ok(part(found));
            }
        }
        Ok(Reply::Whole(found))
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

/// What was found before the scan had to stop; how much lies behind, nobody knows.
fn part(found: Vec<Candidate>) -> Reply<Vec<Candidate>> {
    Reply::Partial(found, Missing { unit: "scans", missing: 1, of: 1 })
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
