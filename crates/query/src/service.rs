//! The sources of every read, and how a read may fail.

use std::sync::Arc;

use kudos_core::ports::{LiveCounts, PostIndex, PostStore, ReactionStore, ReactorPage};
use kudos_core::{Clock, Kind, Kinds, PortError, Post, PostId, UserId};
use kudos_degraded::{Deadline, FallbackChain, Observer, Reason};
use kudos_http::Problem;
use kudos_http::answer::{Provenance, Source};
use kudos_http::cursor::CursorKey;

use crate::answers::Answers;
use crate::follow::{Newest, Recent};
use crate::search::{Expected, Pages};
use crate::settings::QuerySettings;

/// Why a read has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryError {
    /// No such visible post.
    UnknownPost(PostId),
    /// The cursor is not of this listing.
    InvalidCursor,
    /// The words rank by relevance, and there are none.
    NoText,
    /// No source answered.
    Port(PortError),
}

impl From<PortError> for QueryError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::UnknownPost(post) => Self::UnknownPost(post),
            QueryError::InvalidCursor => Self::InvalidCursor,
            QueryError::NoText => Self::parameter("sort", "`relevance` needs words in `q`"),
            QueryError::Port(error) => error.into(),
        }
    }
}

/// Where a read may take its answer from.
#[derive(Clone)]
pub struct Sources {
    /// Live counts and ranks.
    pub live: Arc<dyn LiveCounts>,
    /// Exact counts, and who holds what.
    pub truth: Arc<dyn ReactionStore>,
    /// Full-text search.
    pub index: Arc<dyn PostIndex>,
    /// Posts and time order, as they are now.
    pub posts: Arc<dyn PostStore>,
    /// The same, or as it was a moment ago: for what is read much more often than it changes.
    pub kept_posts: Arc<dyn PostStore>,
    /// Posts that changed lately, for an index whose counts lag; none where they are those of now.
    pub recent: Option<Arc<Recent>>,
    /// What the log told, for live counts that may have missed it; none where they cannot.
    pub newest: Option<Arc<Newest>>,
    /// Told of posts that live has lost or missed; none where it cannot lose any.
    pub mender: Option<Arc<dyn Mend>>,
}

/// Has posts loaded into the live counts again that they were found to lack.
pub trait Mend: Send + Sync {
    /// Soon, at best effort: neither waits nor fails.
    fn mend(&self, posts: &[PostId]);
}

/// Reads.
pub struct QueryService {
    pub(crate) sources: Sources,
    pub(crate) kinds: Arc<Kinds>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cursors: CursorKey,
    pub(crate) settings: QuerySettings,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) pages: Pages,
    pub(crate) expected: Expected,
    pub(crate) answers: Answers,
}

impl QueryService {
    /// A service over sources.
    pub fn new(
        sources: Sources,
        kinds: Arc<Kinds>,
        clock: Arc<dyn Clock>,
        cursors: CursorKey,
        settings: QuerySettings,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let pages = Pages::new(settings.page_cache(), settings.page_keep());
        let (expected, answers) = (Expected::new(), Answers::new());
        Self { sources, kinds, clock, cursors, settings, observer, pages, expected, answers }
    }

    /// The kinds of the deployment.
    pub fn kinds(&self) -> &Arc<Kinds> {
        &self.kinds
    }

    /// A visible post as it is now; if the truth does not say, as it was a moment ago.
    pub async fn post(&self, post: &PostId) -> Result<Post, QueryError> {
        let deadline = Deadline::after(self.settings.total());
        let posts = std::slice::from_ref(post);
        let read = deadline.within(self.settings.truth()).run(self.sources.posts.get(posts)).await;
        let found = match read {
            Ok(Ok(found)) => found,
            _ => {
                let kept = deadline.run(self.sources.kept_posts.get(posts)).await;
                kept.unwrap_or(Err(PortError::Timeout))?
            }
        };
        let found = found.into_iter().next().flatten();
        found.ok_or_else(|| QueryError::UnknownPost(post.clone()))
    }

    /// One page of the users who hold `kind` (any, if none); only the truth knows.
    pub async fn reactors(
        &self,
        post: &PostId,
        kind: Option<Kind>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<ReactorPage, QueryError> {
        let deadline = Deadline::after(self.settings.total());
        let page = async {
            // The truth is asked anyway: about who may see it too.
            self.check_visible(&*self.sources.posts, post, deadline).await?;
            Ok(self.sources.truth.reactors(post, kind, after, limit).await?)
        };
        deadline.run(page).await.unwrap_or(Err(PortError::Timeout.into()))
    }

    /// Refuses a post that is known to be hidden or absent. If that cannot be known now, the
    /// read goes on: reads always answer.
    pub(crate) async fn check_visible(
        &self,
        posts: &dyn PostStore,
        post: &PostId,
        deadline: Deadline,
    ) -> Result<(), QueryError> {
        let share = deadline.within(self.settings.truth());
        match share.run(posts.meta(post)).await {
            Ok(Ok(Some(meta))) if !meta.hidden => Ok(()),
            Ok(Ok(_)) => Err(QueryError::UnknownPost(post.clone())),
            Ok(Err(_)) | Err(_) => Ok(()),
        }
    }

    pub(crate) fn chain<T>(&self, name: &'static str, deadline: Deadline) -> FallbackChain<'_, T> {
        FallbackChain::new(name, deadline).observed_by(&*self.observer)
    }

    /// An answer of `source`, as fresh as that source is.
    pub(crate) fn provenance(&self, source: Source, degraded: bool) -> Provenance {
        let now = self.clock.now();
        let as_of = match source {
            Source::Index => now.minus(self.settings.index_lag()),
            Source::Live | Source::Truth | Source::Time => now,
        };
        Provenance { source, as_of, degraded }
    }
}

/// The source of that name; a chain knows only names.
pub(crate) fn source_named(name: &str) -> Source {
    [Source::Live, Source::Index, Source::Truth]
        .into_iter()
        .find(|source| source.as_str() == name)
        .unwrap_or(Source::Time)
}

pub(crate) fn reason(error: PortError) -> Reason {
    match error {
        PortError::Timeout => Reason::Timeout,
        PortError::Busy { .. } => Reason::Full,
        PortError::Unavailable(_) | PortError::NoSpace | PortError::Corrupt(_) => Reason::Error,
    }
}
