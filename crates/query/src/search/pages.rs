//! First pages that many readers ask for at the same time, made once.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::Window;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::{SearchPage, SearchRequest, Sort};
use crate::service::QueryError;

/// Every order and window with a few page sizes each.
pub(super) const MOST: usize = 64;

/// What the first page of a listing without words is known by.
pub(super) type Key = (Sort, Window, usize);

/// First pages of listings without words, each for a while.
pub(crate) struct Pages {
    span: Duration,
    held: Cache<Key, Arc<Held>>,
}

/// A page, made by whoever comes first while the others wait.
#[derive(Default)]
struct Held(tokio::sync::Mutex<Option<(Instant, SearchPage)>>);

impl Pages {
    /// Gives pages again for `span`; never, if it is zero.
    pub(crate) fn new(span: Duration) -> Self {
        Self { span, held: Cache::new(MOST) }
    }

    /// The page, made now unless one is held. A failure and a degraded page are not held: the
    /// next reader may do better.
    pub(super) async fn get<F>(
        &self,
        request: &SearchRequest,
        make: impl FnOnce() -> F,
    ) -> Result<SearchPage, QueryError>
    where
        F: Future<Output = Result<SearchPage, QueryError>>,
    {
        let Some(key) = request.key().filter(|_| !self.span.is_zero()) else {
            return make().await;
        };
        let Ok(held) = self.held.get_or_insert_with(&key, || Ok::<_, ()>(Arc::default())) else {
            return make().await;
        };
        let mut held = held.0.lock().await;
        if let Some((made_at, page)) = &*held
            && made_at.elapsed() < self.span
        {
            return Ok(page.clone());
        }
        let made_at = Instant::now();
        let page = make().await?;
        *held = (!page.from.degraded).then(|| (made_at, page.clone()));
        Ok(page)
    }
}
