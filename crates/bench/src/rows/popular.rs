//! Latency of the popular page while likes arrive.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use kudos_core::ports::ReactionStore;
use kudos_core::{Clock, Kinds, SystemClock, Window};
use kudos_http::cursor::CursorKey;
use kudos_query::{QueryService, QuerySettings, SearchRequest, Sort, Sources};
use tokio::task::JoinSet;

use super::Effort;
use super::filled::{Filled, LIKES};
use crate::embedded::Likers;
use crate::error::Error;
use crate::likes::Likes;
use crate::pairs::{Spread, grouped};
use crate::report::{Row, progress};

/// Pages a second, and as many likes, half a period later.
const RATE: u64 = 1_000;
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
        pages: RATE * if effort.quick { 2 } else { 4 },
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
    /// An open loop: what is slow delays nothing that comes behind it. In milliseconds.
    fn p99(&self, subject: Subject, first: u64) -> Result<f64, Error> {
        let (runtime, backends) = (self.likers.runtime().handle(), self.likers.backends());
        let (mut pages, mut likes) = (JoinSet::new(), JoinSet::new());
        let half = Duration::from_secs(1) / (2 * RATE as u32);
        let mut intended = Instant::now();
        for number in first..first + self.pages {
            wait_until(intended);
            pages.spawn_on(page(Arc::clone(&self.service), subject, intended), runtime);
            wait_until(intended + half);
            let (store, operation) =
                (Arc::clone(&backends.store), self.likes.operation(number, SystemClock.now()));
            likes.spawn_on(async move { store.apply(operation).await }, runtime);
            intended += 2 * half;
        }
        let mut taken = Histogram::<u64>::new(3).expect("three digits are within its bounds");
        runtime.block_on(async {
            while let Some(like) = likes.join_next().await {
                like??;
            }
            while let Some(page) = pages.join_next().await {
                taken.saturating_record(page??.as_micros() as u64);
            }
            Ok::<(), Error>(())
        })?;
        Ok(taken.value_at_quantile(0.99) as f64 / 1e3)
    }
}

/// The thread sleeps, for the timer of the runtime counts in whole milliseconds.
fn wait_until(instant: Instant) {
    std::thread::sleep(instant.saturating_duration_since(Instant::now()));
}

async fn page(
    service: Arc<QueryService>,
    subject: Subject,
    intended: Instant,
) -> Result<Duration, Error> {
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
    Ok(intended.elapsed())
}

fn service(likers: &Likers) -> Result<QueryService, Error> {
    let backends = likers.backends().clone();
    let sources = Sources {
        live: backends.board,
        truth: backends.store.clone(),
        index: backends.index,
        posts: backends.store,
        recent: None,
        mender: None,
    };
    let cursors = CursorKey::random().map_err(|error| Error::Cursors(error.to_string()))?;
    let (kinds, clock) = (Arc::new(Kinds::default()), Arc::new(SystemClock));
    let settings = QuerySettings::default();
    Ok(QueryService::new(sources, kinds, clock, cursors, settings, Arc::new(())))
}
