//! Likes and reads of a drill. Every like is of another user, so that counts are known exactly.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kudos_core::PostId;
use kudos_runtime::start::BoxError;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::Share;

/// Posts that are liked.
const POSTS: u64 = 20;
/// The most requests under way.
const MOST: usize = 256;
/// After this a request counts as not answered, and is sent again later.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before a like is sent again.
const PAUSE: Duration = Duration::from_millis(200);
/// A read follows every so many likes.
const READ_EVERY: u64 = 4;

/// Requests of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Requests {
    answered: u64,
    sent: u64,
    slowest: Duration,
}

/// What was seen in a time.
#[derive(Debug, Default)]
pub(super) struct Span {
    pub(super) writes: Requests,
    pub(super) reads: Requests,
    /// Who ranked the popular page, and how often.
    pub(super) sources: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Seen {
    second: Span,
    span: Span,
    /// Likes that were sent, and those of them that nobody answered.
    sent: u64,
    open: Vec<u64>,
}

/// What goes on during a drill.
pub(super) struct Traffic {
    http: Client,
    gateway: String,
    kind: String,
    /// Before every name.
    run: String,
    seen: Mutex<Seen>,
}

impl Traffic {
    /// Stores the posts, and is ready.
    pub(super) async fn begin(gateway: &str, kind: &str) -> Result<Self, BoxError> {
        kudos_runtime::tls::install();
        let http = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let (gateway, kind) = (gateway.to_owned(), kind.to_owned());
        let run = format!("drill-{:08x}", fastrand::u32(..));
        let traffic = Self { http, gateway, kind, run, seen: Mutex::default() };
        for n in 0..POSTS {
            let path = format!("/v1/posts/{}-p{n}", traffic.run);
            let body = json!({ "title": format!("Drill {n}"), "author": "drill" });
            let answer = traffic.request(Method::PUT, &path, "drill").json(&body).send().await?;
            answer.error_for_status()?;
        }
        Ok(traffic)
    }

    fn request(&self, method: Method, path: &str, user: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.gateway)).header("x-user-id", user)
    }

    /// Likes and reads at a rate, for ever: an open loop, up to a number of requests under way.
    pub(super) async fn flow<T>(&self, rate: u32) -> T {
        let mut ticks = interval(Duration::from_secs(1) / rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut likes, mut reads) = (FuturesUnordered::new(), FuturesUnordered::new());
        loop {
            tokio::select! {
                _ = ticks.tick(), if likes.len() < MOST => {
                    let number = self.next();
                    likes.push(self.like(number));
                    if number.is_multiple_of(READ_EVERY) && reads.len() < MOST {
                        reads.push(self.read());
                    }
                }
                Some(()) = likes.next() => {}
                Some(()) = reads.next() => {}
            }
        }
    }

    /// Sends likes again that nobody answered.
    pub(super) async fn settle(&self, limit: Duration) -> Result<(), BoxError> {
        let begun = Instant::now();
        loop {
            let open = std::mem::take(&mut self.lock().open);
            if open.is_empty() {
                return Ok(());
            }
            if begun.elapsed() >= limit {
                return Err(
                    format!("{} likes are not answered within {limit:?}", open.len()).into()
                );
            }
            let again = futures::stream::iter(open).for_each_concurrent(8, |n| self.like(n));
            again.await;
            sleep(PAUSE).await;
        }
    }

    /// The posts and how often each must have been liked, once all is settled.
    pub(super) fn expected(&self) -> Vec<(PostId, u64)> {
        let sent = self.lock().sent;
        let post = |n: u64| PostId::new(&format!("{}-p{n}", self.run)).ok();
        let count = |n| sent / POSTS + u64::from(n < sent % POSTS);
        (0..POSTS).filter_map(|n| Some((post(n)?, count(n)))).collect()
    }

    /// What was seen since the last time.
    pub(super) fn take_span(&self) -> Span {
        std::mem::take(&mut self.lock().span)
    }

    /// The same, of the line of a second.
    pub(super) fn take_second(&self) -> Span {
        std::mem::take(&mut self.lock().second)
    }

    fn next(&self) -> u64 {
        let mut seen = self.lock();
        seen.sent += 1;
        let number = seen.sent - 1;
        // Until it is answered; whoever is cut off leaves it open.
        seen.open.push(number);
        number
    }

    async fn like(&self, number: u64) {
        let (run, post) = (&self.run, number % POSTS);
        let path = format!("/v1/posts/{run}-p{post}/reactions/{}/@me", self.kind);
        let user = format!("{run}-u{number}");
        let request = self.request(Method::PUT, &path, &user).header("idempotency-key", &user);
        let begun = Instant::now();
        let answered = request.send().await.is_ok_and(|answer| answer.status().is_success());
        let mut seen = self.lock();
        match answered {
            true => seen.open.retain(|open| *open != number),
            false if !seen.open.contains(&number) => seen.open.push(number),
            false => {}
        }
        seen.each(|span| span.writes.add(begun.elapsed(), answered));
    }

    async fn read(&self) {
        let begun = Instant::now();
        let request = self.request(Method::GET, "/v1/search?sort=popular&limit=10", "drill");
        let page = match request.send().await.and_then(reqwest::Response::error_for_status) {
            Ok(answer) => answer.json::<Value>().await.ok(),
            Err(_) => None,
        };
        let source = page.as_ref().map(|page| page["source"].as_str().unwrap_or("?").to_owned());
        self.lock().each(|span| {
            span.reads.add(begun.elapsed(), source.is_some());
            let ranked = source.clone().unwrap_or_else(|| "nobody".to_owned());
            *span.sources.entry(ranked).or_default() += 1;
        });
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn each(&mut self, add: impl Fn(&mut Span)) {
        add(&mut self.second);
        add(&mut self.span);
    }
}

impl Requests {
    fn add(&mut self, took: Duration, answered: bool) {
        self.sent += 1;
        self.answered += u64::from(answered);
        self.slowest = self.slowest.max(took);
    }

    pub(super) fn share(&self) -> Share {
        let slowest_ms = u64::try_from(self.slowest.as_millis()).unwrap_or(u64::MAX);
        Share { answered: self.answered, sent: self.sent, slowest_ms }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |requests: &Requests| {
            let Requests { answered, sent, slowest } = requests;
            format!("{answered:>3}/{sent:<3} ≤ {:>4} ms", slowest.as_millis())
        };
        let sources: Vec<_> = self.sources.keys().map(String::as_str).collect();
        let (writes, reads) = (of(&self.writes), of(&self.reads));
        write!(f, "writes {writes}  reads {reads} {:<10}", sources.join("+"))
    }
}
