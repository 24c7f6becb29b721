//! First pages that many readers ask for: made once for all who wait, and kept for when no source
//! answers.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use kudos_core::Window;
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::{SearchPage, SearchRequest, Sort};
use crate::service::QueryError;

/// Every order and window with a few page sizes each.
pub(super) const MOST: usize = 64;
/// A page is kept anew once the kept one is so old: copying it is not free.
const RENEWED: Duration = Duration::from_secs(1);
/// What a page says that was kept.
const AS_IT_WAS: &str = "as it was then: no source answers now";

/// What the first page of a listing without words is known by.
pub(super) type Key = (Sort, Window, usize);

type Answer = Result<SearchPage, QueryError>;

/// First pages of listings without words.
pub(crate) struct Pages {
    /// How long one is given again.
    span: Duration,
    /// How long one is kept for when no source answers.
    keep: Duration,
    held: Cache<Key, Arc<Held>>,
}

#[derive(Default)]
struct Held {
    last: tokio::sync::Mutex<Option<Last>>,
    kept: Mutex<Option<(Instant, SearchPage)>>,
}

/// What was answered last.
struct Last {
    begun: Instant,
    ended: Instant,
    answer: Answer,
}

impl Pages {
    /// Gives pages again for `span`, if that is not zero, and for `keep` if no source answers.
    pub(crate) fn new(span: Duration, keep: Duration) -> Self {
        Self { span, keep, held: Cache::new(MOST) }
    }

    /// The page: a held one, one that is made now, or, if no source answers, the last good one.
    pub(super) async fn get<F>(&self, request: &SearchRequest, make: impl FnOnce() -> F) -> Answer
    where
        F: Future<Output = Answer>,
    {
        let Some(key) = request.key() else { return make().await };
        let Ok(held) = self.held.get_or_insert_with(&key, || Ok::<_, ()>(Arc::default())) else {
            return make().await;
        };
        let answer = match self.span.is_zero() {
            true => make().await,
            false => held.shared(self.span, make).await,
        };
        held.or_kept(self.keep, answer)
    }
}

impl Held {
    /// The page, made by whoever comes first. Who waited meanwhile gets the same answer, whatever
    /// it is: made one after the other, failures would add up. A failure or a degraded page is not
    /// given to those who come later, who may do better.
    async fn shared<F>(&self, span: Duration, make: impl FnOnce() -> F) -> Answer
    where
        F: Future<Output = Answer>,
    {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(Last { begun, ended, answer }) = &*last {
            let is_good = answer.as_ref().is_ok_and(|page| !page.from.degraded);
            if *ended > asked || (is_good && begun.elapsed() < span) {
                return answer.clone();
            }
        }
        let begun = Instant::now();
        let answer = make().await;
        *last = Some(Last { begun, ended: Instant::now(), answer: answer.clone() });
        answer
    }

    /// Keeps a good page, and gives it in place of a failure of the sources.
    fn or_kept(&self, keep: Duration, answer: Answer) -> Answer {
        let mut kept = self.kept.lock();
        match (answer, &mut *kept) {
            (Err(QueryError::Port(_)), Some((since, page))) if since.elapsed() < keep => {
                let mut page = page.clone();
                page.from.degraded = true;
                page.note = Some(Cow::from(AS_IT_WAS));
                Ok(page)
            }
            (Ok(page), kept) if !page.from.degraded => {
                if kept.as_ref().is_none_or(|(since, _)| since.elapsed() >= RENEWED) {
                    *kept = Some((Instant::now(), page.clone()));
                }
                Ok(page)
            }
            (answer, _) => answer,
        }
    }
}
