//! Search: rank, page, and fill in what a reader sees.

mod expected;
mod pages;
mod ranking;
mod walk;

use std::borrow::Cow;
use std::collections::HashMap;

use futures::future::join_all;
use kudos_core::ports::{LiveEntry, PostMeta};
use kudos_core::{Counts, Post, PostId, PostState, Version, Window};
use kudos_degraded::{Deadline, Reason};
use kudos_http::answer::{Provenance, Source};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::service::{QueryError, QueryService, reason};
pub(crate) use expected::Expected;
pub(crate) use pages::Pages;
use ranking::Ranked;
use walk::{Candidate, Walk};

/// The order of posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// More reactions first; of equals the newer, then the lower id.
    Popular,
    /// Newer first.
    Recent,
    /// Better match first.
    Relevance,
}

/// What a reader asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRequest {
    /// Words that must all occur; empty for every post.
    pub text: String,
    /// The order.
    pub sort: Sort,
    /// Which posts are considered.
    pub window: Window,
    /// The most posts of the page.
    pub limit: usize,
    /// Where an earlier page ended.
    pub cursor: Option<String>,
}

/// One page of posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPage {
    /// The posts in order, with their counts.
    pub posts: Vec<(Post, PostState)>,
    /// What ranked them.
    pub from: Provenance,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
    /// What a degraded page lacks, or why the walk ends here.
    pub note: Option<Cow<'static, str>>,
}

/// What a page says that could not be done as it should.
struct Notes(Vec<Cow<'static, str>>);

impl SearchRequest {
    /// What the first page of a listing without words is known by.
    fn key(&self) -> Option<pages::Key> {
        let first = self.text.is_empty() && self.cursor.is_none();
        first.then_some((self.sort, self.window, self.limit))
    }

    /// Binds a cursor to the listing that gave it out.
    fn purpose(&self) -> String {
        format!("search {:?} {:?} {}", self.sort, self.window, self.text)
    }
}

impl QueryService {
    /// One page of posts.
    pub async fn search(&self, request: &SearchRequest) -> Result<SearchPage, QueryError> {
        if request.sort == Sort::Relevance && request.text.trim().is_empty() {
            return Err(QueryError::NoText);
        }
        // Who waits for another's page has no more time because of that.
        let deadline = Deadline::after(self.settings.total());
        let page = self.pages.get(request, || self.page(request, deadline)).await?;
        self.answers.count("search", page.from);
        Ok(page)
    }

    async fn page(
        &self,
        request: &SearchRequest,
        deadline: Deadline,
    ) -> Result<SearchPage, QueryError> {
        let mut walk = self.resume(request)?;
        let (ranked, known) =
            futures::join!(self.rank(request, &walk, deadline), self.expect(request, deadline));
        let mut ranked = ranked?;
        let mut notes = Notes(std::mem::take(&mut ranked.notes));
        if walk.source.is_some_and(|before| before != ranked.source) {
            notes.0.push("the order of earlier pages came from another source".into());
        }
        walk.source = Some(ranked.source);
        let (page, more) = walk.take_page(request.sort, ranked.candidates, request.limit);
        self.expected.note(request, &page);
        let posts = self.fill(page, known, deadline, &mut notes).await;
        let degraded = ranked.degraded || !notes.0.is_empty();
        // That a walk has an end is no fault: noted, but not degraded.
        let next_cursor = self.next_cursor(request, &walk, more, &mut notes)?;
        let from = self.provenance(ranked.source, degraded);
        Ok(SearchPage { posts, from, next_cursor, note: notes.text() })
    }

    fn resume(&self, request: &SearchRequest) -> Result<Walk, QueryError> {
        match &request.cursor {
            None => Ok(Walk::start(request.window.since(self.clock.now()))),
            Some(cursor) => {
                let opened = self.cursors.open(&request.purpose(), cursor);
                opened.map_err(|_| QueryError::InvalidCursor)
            }
        }
    }

    fn next_cursor(
        &self,
        request: &SearchRequest,
        walk: &Walk,
        more: bool,
        notes: &mut Notes,
    ) -> Result<Option<String>, QueryError> {
        if !more {
            return Ok(None);
        }
        if walk.is_exhausted() {
            notes.0.push("ranked listings end here; narrow the window or the words".into());
            return Ok(None);
        }
        let sealed = self.cursors.seal(&request.purpose(), walk);
        // A walk is bounded well below what a cursor may hold.
        sealed.map(Some).map_err(|_| QueryError::InvalidCursor)
    }

    /// Text and counts of the candidates, in parallel. A post that was hidden since its source
    /// saw it is left out: texts may be of a moment ago, so that live is asked too.
    async fn fill(
        &self,
        page: Vec<Candidate>,
        known: HashMap<PostId, LiveEntry>,
        deadline: Deadline,
        notes: &mut Notes,
    ) -> Vec<(Post, PostState)> {
        let ids: Vec<PostId> = page.iter().map(|candidate| candidate.post.clone()).collect();
        let entries = self.entries_beside(known, &ids, deadline);
        let (texts, (entries, lack)) = futures::join!(self.texts(&ids, &page, deadline), entries);
        if texts.as_ref().is_ok_and(|(_, unclear)| *unclear) {
            notes.0.push("posts are left out that could not be looked up".into());
        }
        let texts = texts.map(|(texts, _)| texts).unwrap_or_else(|why| {
            self.observer.fallback_taken("texts", Source::Truth.as_str(), why);
            notes.0.push("titles are not available".into());
            page.iter().map(|candidate| Some(candidate.untitled())).collect()
        });
        notes.0.extend(lack.map(Cow::from));
        let rows = texts.into_iter().zip(entries).zip(&page);
        let row = |((text, entry), from): ((Option<Post>, Option<LiveEntry>), &Candidate)| {
            let unknown = || LiveEntry { state: from.uncounted(), hidden: false };
            let LiveEntry { state, hidden } = entry.unwrap_or_else(unknown);
            text.filter(|_| !hidden).map(|text| (text, state))
        };
        rows.filter_map(row).collect()
    }

    /// The visible posts; a post that was only reacted to has neither title nor author. And
    /// whether some are missing of which nobody knows if they are visible.
    async fn texts(
        &self,
        ids: &[PostId],
        page: &[Candidate],
        deadline: Deadline,
    ) -> Result<(Vec<Option<Post>>, bool), Reason> {
        let share = deadline.within(self.settings.truth());
        let mut posts = share.run(self.sources.kept_posts.get(ids)).await?.map_err(reason)?;
        let lookups = posts.iter_mut().zip(page).filter(|(post, _)| post.is_none());
        let filled = lookups.map(async |(post, candidate)| {
            let meta = share.run(self.sources.kept_posts.meta(&candidate.post)).await;
            if let Ok(Ok(Some(PostMeta { hidden: false, .. }))) = meta {
                *post = Some(candidate.untitled());
            }
            !matches!(meta, Ok(Ok(_)))
        });
        let unclear = join_all(filled).await.contains(&true);
        Ok((posts, unclear))
    }
}

impl Candidate {
    fn untitled(&self) -> Post {
        let (title, body, author) = (String::new(), String::new(), String::new());
        Post { id: self.post.clone(), title, body, author, created_at: self.created_at }
    }

    fn uncounted(&self) -> PostState {
        let Self { ref post, created_at, .. } = *self;
        let (version, counts) = (Version(0), Counts::new());
        PostState { post: post.clone(), created_at, version, counts, as_of: created_at }
    }
}

impl Notes {
    fn text(self) -> Option<Cow<'static, str>> {
        match self.0.len() {
            0 => None,
            1 => self.0.into_iter().next(),
            _ => Some(self.0.join("; ").into()),
        }
    }
}

/// What a source ranked, before paging.
impl Ranked {
    fn new(source: Source, candidates: Vec<Candidate>) -> Self {
        Self { source, degraded: false, candidates, notes: Vec::new() }
    }
}
