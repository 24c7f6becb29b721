//! The popular page and the popular text search, beside the commands behind them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kudos_core::{Kinds, SystemClock, Window};
use kudos_http::cursor::CursorKey;
use kudos_query::{CachedPosts, QueryService, QuerySettings, SearchRequest, Sort, Sources};
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};

use super::world::{Addresses, World};
use super::{Fault, WORDS, title_word};
use crate::open_loop::{self, p99_ms};
use crate::pairs::Spread;
use crate::report::{Row, progress};
use crate::rows::Effort;

const LIMIT: usize = 20;
/// Pages a second: what leaves the machine some air, for a percentile on a full one is a queue's.
const PAGES: u32 = 200;
const SEARCHES: u32 = 40;
const SECONDS: u64 = 5;
/// As many candidates as the search service asks the index for on a first page.
const CANDIDATES: usize = 221;

struct Reads {
    plain: Arc<QueryService>,
    cached: Arc<QueryService>,
    redis: MultiplexedConnection,
    http: reqwest::Client,
    rank: String,
    search: String,
    degraded: AtomicU64,
}

/// Rows 4 and 5: p99 over that of the bare commands, in turns.
pub(crate) fn measure(effort: &Effort, at: &Addresses, world: &World) -> Result<Vec<Row>, Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let reads = Arc::new(runtime.block_on(Reads::open(at, world))?);
    runtime.block_on(reads.warm_up())?;
    let seconds = if effort.quick { 2 } else { SECONDS };
    let pages = (PAGES, u64::from(PAGES) * seconds);
    let searches = (SEARCHES, u64::from(SEARCHES) * seconds);
    let mut taken: [Vec<f64>; 5] = Default::default();
    for turn in 0..effort.pairs() {
        let run = |what: What, rate| {
            let call = |number| Arc::clone(&reads).timed(what, number);
            open_loop::run(runtime.handle(), rate, call).map(p99_ms)
        };
        let turn_of = [
            run(What::RawPage, pages)?,
            run(What::Page, pages)?,
            run(What::CachedPage, pages)?,
            run(What::RawSearch, searches)?,
            run(What::Search, searches)?,
        ];
        progress(format_args!("pages: {}/{}: {turn_of:.2?} ms", turn + 1, effort.pairs()));
        taken.iter_mut().zip(turn_of).for_each(|(all, one)| all.push(one));
    }
    let degraded = reads.degraded.load(Ordering::Relaxed);
    let answers = effort.pairs() * (2 * pages.1 + searches.1);
    let share = 100.0 * degraded as f64 / answers as f64;
    let [raw_page, page, cached, raw_search, search] = &taken;
    let row = |name, of: &[f64], raw: &[f64], what, most, reach| {
        let ratios: Vec<_> = of.iter().zip(raw).map(|(of, raw)| of / raw).collect();
        let (kudos, against) =
            (format!("{} ms", Spread::of(of)), format!("{what}: {} ms", Spread::of(raw)));
        Row::at_most(name, (kudos, against), (Spread::of(&ratios), ""), (most, reach))
    };
    let (zrevrange, query) = ("ZREVRANGE", "Elasticsearch's query, then ZMSCORE");
    Ok(vec![
        row("p99 of the popular page, cached", cached, raw_page, zrevrange, 1.0, "≤ 1.0"),
        row("p99 of the popular page, not cached", page, raw_page, zrevrange, 1.3, "≤ 1.3"),
        row("p99 of a popular text search", search, raw_search, query, 1.15, "≤ 1.15"),
        Row {
            name: "degraded or refused among these",
            kudos: format!("{degraded} of {answers}"),
            against: String::new(),
            figure: format!("{share:.2} %"),
            reach: "",
            reached: None,
        },
    ])
}

#[derive(Clone, Copy)]
enum What {
    Page,
    CachedPage,
    RawPage,
    Search,
    RawSearch,
}

impl Reads {
    async fn open(at: &Addresses, world: &World) -> Result<Self, Fault> {
        let service = |page_cache_ms| {
            query_service(world, QuerySettings { page_cache_ms, ..QuerySettings::default() })
        };
        let (plain, cached) = (service(0).await?, service(1_000).await?);
        let client = redis::Client::open(format!("redis://{}", at.redis)).map_err(Fault::of)?;
        let redis = client.get_multiplexed_async_connection().await;
        Ok(Self {
            plain: Arc::new(plain),
            cached: Arc::new(cached),
            redis: redis.map_err(Fault::of)?,
            http: reqwest::Client::builder().no_proxy().build().map_err(Fault::of)?,
            rank: format!("{}:posts:by_reactions", world.name),
            search: format!(
                "{}/{}/_search?filter_path=timed_out,_shards,hits.hits.fields",
                at.elastic, world.name
            ),
            degraded: AtomicU64::new(0),
        })
    }

    /// Opens connections and lets the engines warm up: the first answers are late, and may be
    /// degraded for it. Ends when each word was searched for in time, one after the other.
    async fn warm_up(&self) -> Result<(), Fault> {
        let end = Instant::now() + Duration::from_secs(60);
        let mut good = 0;
        while good < WORDS.len() as u64 && Instant::now() < end {
            let mut degraded = false;
            for what in [What::Page, What::CachedPage, What::Search, What::RawPage, What::RawSearch]
            {
                // Refused, it was not in time either.
                degraded |= self.call(what, good).await.unwrap_or(true);
            }
            good = if degraded { 0 } else { good + 1 };
        }
        Ok(())
    }

    /// One call, timed; how many answers were degraded or refused is counted beside it.
    async fn timed(self: Arc<Self>, what: What, number: u64) -> Result<(), Fault> {
        match self.call(what, number).await {
            Ok(false) => {}
            Ok(true) | Err(Fault::Load(_)) => {
                self.degraded.fetch_add(1, Ordering::Relaxed);
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    async fn call(&self, what: What, number: u64) -> Result<bool, Fault> {
        match what {
            What::Page => page(&self.plain, "").await,
            What::CachedPage => page(&self.cached, "").await,
            What::Search => page(&self.plain, title_word(number)).await,
            What::RawPage => {
                let mut command = redis::cmd("ZREVRANGE");
                command.arg(&self.rank).arg(0).arg(LIMIT - 1).arg("WITHSCORES");
                let ranks: Vec<(String, f64)> =
                    command.query_async(&mut self.redis.clone()).await.map_err(Fault::of)?;
                match ranks.len() {
                    LIMIT => Ok(false),
                    few => Err(Fault::Short(format!("{few} members of {}", self.rank))),
                }
            }
            What::RawSearch => self.raw_search(title_word(number)).await,
        }
    }

    async fn raw_search(&self, text: &str) -> Result<bool, Fault> {
        let words = json!({ "multi_match": {
            "query": text, "type": "cross_fields", "operator": "and", "fields": ["title^2", "body"],
        } });
        let body = json!({
            "query": { "bool": { "filter": [{ "term": { "hidden": false } }, words] } },
            "sort": [{ "reaction_count": "desc" }, { "created_at": "desc" }, { "post": "asc" }],
            "size": CANDIDATES, "track_total_hits": false,
            "_source": false, "stored_fields": "_none_",
            "docvalue_fields": ["post", "created_at", "reaction_count"],
        });
        let answer = self.http.post(&self.search).json(&body).send().await.map_err(Fault::of)?;
        let answer: Value = answer.json().await.map_err(Fault::of)?;
        let hits = answer["hits"]["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
        let posts = hits.iter().filter_map(|hit| hit["fields"]["post"][0].as_str());
        let members: Vec<_> = posts.map(|post| format!("post:{post}")).collect();
        if members.len() < LIMIT {
            return Err(Fault::Short(format!("{} hits of {text:?}", members.len())));
        }
        let mut command = redis::cmd("ZMSCORE");
        command.arg(&self.rank).arg(&members);
        let _: Vec<Option<f64>> =
            command.query_async(&mut self.redis.clone()).await.map_err(Fault::of)?;
        Ok(false)
    }
}

/// Asks for a first page, and tells whether it was degraded.
async fn page(service: &QueryService, text: &str) -> Result<bool, Fault> {
    let request = SearchRequest {
        text: text.to_owned(),
        sort: Sort::Popular,
        window: Window::All,
        limit: LIMIT,
        cursor: None,
    };
    let page = service.search(&request).await.map_err(crate::error::Error::Query)?;
    match page.posts.len() {
        LIMIT => Ok(page.from.degraded),
        // Who stands in for the index knows only the words of the newest titles.
        _ if page.from.degraded => Ok(true),
        few => Err(Fault::Short(format!("{few} posts of {text:?}"))),
    }
}

/// As the search service wires it, without the feed of late changes: nothing changes here.
async fn query_service(world: &World, settings: QuerySettings) -> Result<QueryService, Fault> {
    let truth = world.cassandra().await?.store;
    let posts = CachedPosts::new(truth.clone(), Duration::from_secs(60), 64 << 20);
    let sources = Sources {
        live: world.redis().await?,
        posts: truth.clone(),
        truth,
        index: world.elastic()?,
        kept_posts: Arc::new(posts),
        recent: None,
        newest: None,
        mender: None,
    };
    let cursors = CursorKey::random().map_err(Fault::of)?;
    let (kinds, clock) = (Arc::new(Kinds::default()), Arc::new(SystemClock));
    Ok(QueryService::new(sources, kinds, clock, cursors, settings, Arc::new(())))
}
