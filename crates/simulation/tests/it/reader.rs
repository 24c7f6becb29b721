//! A search service that is asked all the while: every answer comes in time, and at the end it is
//! what was acknowledged.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{PostIndex, Snapshots};
use kudos_core::{Kinds, PortError, PostId, RankEntry, Window};
use kudos_degraded::Observer;
use kudos_http::cursor::CursorKey;
use kudos_projection::{LiveSink, Mender};
use kudos_query::{
    CachedPosts, EventHub, Follower, Mend, Newest, QueryError, QueryService, QuerySettings, Recent,
    SearchPage, SearchRequest, Sort, Sources,
};
use kudos_testkit::Faulty;
use kudos_testkit::checker::{Freshness, Reader, Recorder, Seen, Shown};
use tokio::time::{Instant, sleep};

use crate::index::SearchIndex;
use crate::late::LateTruth;
use crate::writer::{Backends, posts_of};

/// What a read may take (400 ms), and the grain of timers.
const LIMIT: Duration = Duration::from_millis(402);
/// The least time between two reads.
const PAUSE: u64 = 10;

/// The parts of a search service.
pub(crate) struct Readers {
    service: QueryService,
    hub: EventHub,
    mender: Arc<Mender>,
}

struct Mending(Arc<Mender>);

impl Mend for Mending {
    fn mend(&self, posts: &[PostId]) {
        self.0.mend(posts);
    }
}

impl Readers {
    pub(crate) fn new(
        backends: &Backends,
        truth: Arc<Faulty<LateTruth>>,
        index: Arc<Faulty<SearchIndex>>,
    ) -> Self {
        let settings = QuerySettings::default();
        let kinds = Arc::new(Kinds::default());
        let snapshots: Arc<dyn Snapshots> = truth.clone();
        let mender = Arc::new(Mender::new(Arc::new(LiveSink(backends.live.clone())), snapshots));
        let posts = posts_of(&truth);
        let kept = Arc::new(CachedPosts::new(posts.clone(), Duration::from_secs(60), 1 << 20));
        let recent = Arc::new(Recent::new(Duration::from_secs(4)));
        let newest = Arc::new(Newest::default());
        let followers: Vec<Arc<dyn Follower>> = vec![kept.clone(), recent.clone(), newest.clone()];
        let hub = EventHub::new(backends.log.clone(), kinds.clone(), &settings, followers);
        let index: Arc<dyn PostIndex> = index;
        let sources = Sources {
            live: backends.live.clone(),
            truth,
            index,
            posts,
            kept_posts: kept,
            recent: Some(recent),
            newest: Some(newest),
            mender: Some(Arc::new(Mending(mender.clone()))),
        };
        let observer: Arc<dyn Observer> = Arc::new(());
        let (clock, cursors) = (Arc::new(backends.clock), CursorKey::random().unwrap());
        let service = QueryService::new(sources, kinds, clock, cursors, settings, observer);
        Self { service, hub, mender }
    }

    /// Follows the log and mends what readers miss, until it is dropped.
    pub(crate) async fn run(&self) {
        tokio::join!(self.hub.run(), self.mender.run());
    }

    /// Reads again and again, until it is dropped.
    pub(crate) async fn ask(&self, mut rng: fastrand::Rng, recorder: Recorder) {
        loop {
            sleep(Duration::from_millis(PAUSE + rng.u64(..50))).await;
            recorder.read(self.ask_once(["", "post"][rng.usize(..2)])).await;
        }
    }

    async fn ask_once(&self, text: &str) -> Option<Vec<Shown>> {
        let begun = Instant::now();
        let answer = self.popular(text, 5).await;
        let took = begun.elapsed();
        assert!(took <= LIMIT, "{took:?}: {answer:?}");
        // With every source gone there is none.
        assert!(matches!(answer, Ok(_) | Err(QueryError::Port(_))), "{answer:?}");
        // Live counts that have lost something show an older state until that is noticed.
        let freshness = Freshness::Old;
        let shown = |(post, state): (kudos_core::Post, kudos_core::PostState)| Shown {
            post: post.id,
            version: state.version,
            counts: state.counts,
            freshness,
        };
        Some(answer.ok()?.posts.into_iter().map(shown).collect())
    }

    async fn popular(&self, text: &str, limit: usize) -> Result<SearchPage, QueryError> {
        let (sort, window) = (Sort::Popular, Window::All);
        let request = SearchRequest { text: text.into(), sort, window, limit, cursor: None };
        self.service.search(&request).await
    }

    async fn page(&self, limit: usize) -> Result<SearchPage, PortError> {
        self.popular("", limit).await.map_err(|error| match error {
            QueryError::Port(error) => error,
            other => PortError::Corrupt(format!("{other:?}")),
        })
    }
}

/// What users see.
pub(crate) struct Page(pub(crate) Arc<Readers>);

#[async_trait]
impl Reader for Page {
    async fn counts(&self, posts: &[PostId]) -> Result<Option<Vec<Option<Seen>>>, PortError> {
        let page = self.0.page(posts.len()).await?;
        let seen = |post: &PostId| {
            let (_, state) = page.posts.iter().find(|(shown, _)| shown.id == *post)?;
            Some(Seen { fresh: !page.from.degraded, ..Seen::from(state.clone()) })
        };
        Ok(Some(posts.iter().map(seen).collect()))
    }

    async fn top(&self, limit: usize) -> Result<Option<Vec<RankEntry>>, PortError> {
        let page = self.0.page(limit).await?;
        let entry = |(post, state): (kudos_core::Post, kudos_core::PostState)| RankEntry {
            post: post.id,
            total: state.counts.total(),
            created_at: state.created_at,
        };
        Ok(Some(page.posts.into_iter().map(entry).collect()))
    }
}
