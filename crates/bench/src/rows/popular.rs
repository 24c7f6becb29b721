//! Latency of the popular page while likes arrive.

use std::sync::Arc;

use kudos_core::ports::ReactionStore;
use kudos_core::{Clock, Kinds, SystemClock, Window};
use kudos_http::cursor::CursorKey;
use kudos_query::{QueryService, QuerySettings, SearchRequest, Sort, Sources};

use super::Effort;
use super::filled::{Filled, LIKES};
use crate::embedded::Likers;
use crate::error::Error;
use crate::likes::Likes;
use crate::open_loop;
use crate::pairs::{Spread, grouped};
use crate::report::{Row, progress};

/// Pages a second, and as many likes, half a period later.
const RATE: u32 = 1_000;
const LIMIT: usize = 20;
const TARGET_MS: f64 = 2.0;

/// What takes a page's place in the load.
#[derive(Clone, Copy)]
enum Subject {
    Page(Window),
    /// A task that does nothing: what the machine and the runtime take by themselves.
    Nothing,
}

/// p99 of the first page without text, over all posts and over the last seven days, each request
/// timed from when it should have begun, beside a task that does nothing under the same load.
pub(crate) fn measure(effort: &Effort, filled: &Filled) -> Result<Vec<Row>, Error> {
    let likers = Likers::open(filled.folder.path())?;
    let load = Load {
        service: Arc::new(service(&likers)?),
        likes: Likes::over(filled.posts),
        likers: &likers,
        pages: u64::from(RATE) * if effort.quick { 2 } else { 4 },
    };
    let (mut all, mut week, mut nothing) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..effort.pairs() {
        let first = LIKES + turn * 3 * load.pages;
        all.push(load.p99(Subject::Page(Window::All), first)?);
        week.push(load.p99(Subject::Page(Window::Week), first + load.pages)?);
        nothing.push(load.p99(Subject::Nothing, first + 2 * load.pages)?);
        progress(format_args!(
            "popular: {}/{}: all {:.2} ms, 7d {:.2} ms, nothing {:.2} ms",
            turn + 1,
            effort.pairs(),
            all[all.len() - 1],
            week[week.len() - 1],
            nothing[nothing.len() - 1]
        ));
    }
    let about = format!(
        "{} posts, {LIMIT} a page, {RATE} pages/s and {RATE} likes/s",
        grouped(filled.posts as f64)
    );
    let against = format!("a task that does nothing: {} ms", Spread::of(&nothing));
    let row = |name, values: &[f64]| {
        Row::at_most(
            name,
            (about.clone(), against.clone()),
            (Spread::of(values), " ms"),
            (TARGET_MS, "≤ 2 ms"),
        )
    };
    Ok(vec![row("p99 of the popular page, all", &all), row("p99 of the popular page, 7d", &week)])
}

struct Load<'a> {
    service: Arc<QueryService>,
    likes: Likes,
    likers: &'a Likers,
    pages: u64,
}

impl Load<'_> {
    /// Pages and likes take turns in one open loop: what is slow delays nothing that comes behind
    /// it. Of the pages, in milliseconds.
    fn p99(&self, subject: Subject, first: u64) -> Result<f64, Error> {
        let taken =
            open_loop::run(self.likers.runtime().handle(), (2 * RATE, 2 * self.pages), |number| {
                let store = Arc::clone(&self.likers.backends().store);
                let service = Arc::clone(&self.service);
                let like = self.likes.operation(first + number / 2, SystemClock.now());
                async move {
                    if number % 2 == 0 {
                        return page(&service, subject).await;
                    }
                    store.apply(like).await?;
                    Ok(())
                }
            })?;
        Ok(open_loop::p99_ms(taken.into_iter().step_by(2)))
    }
}

async fn page(service: &QueryService, subject: Subject) -> Result<(), Error> {
    if let Subject::Page(window) = subject {
        let page = service
            .search(&SearchRequest {
                text: String::new(),
                sort: Sort::Popular,
                window,
                limit: LIMIT,
                cursor: None,
            })
            .await
            .map_err(Error::Query)?;
        if page.from.degraded || page.posts.len() < LIMIT {
            return Err(Error::Degraded);
        }
    }
    Ok(())
}

fn service(likers: &Likers) -> Result<QueryService, Error> {
    let backends = likers.backends().clone();
    let sources = Sources {
        live: backends.board,
        truth: backends.store.clone(),
        index: backends.index,
        posts: backends.store.clone(),
        kept_posts: backends.store,
        recent: None,
        newest: None,
        mender: None,
    };
    let cursors = CursorKey::random().map_err(|error| Error::Cursors(error.to_string()))?;
    let (kinds, clock) = (Arc::new(Kinds::default()), Arc::new(SystemClock));
    let settings = QuerySettings::default();
    Ok(QueryService::new(sources, kinds, clock, cursors, settings, Arc::new(())))
}
