//! `kudosctl seed`: posts and reactions that look real, over any base URL.

use std::io::Write;
use std::sync::Arc;

use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use kudos_core::{Clock, Kinds, Post, SystemClock};
use kudos_http::timestamp::Timestamp;
use kudos_runtime::start::BoxError;
use kudos_seed::{Plan, Reaction, Seed};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

/// Requests that are under way at once.
const IN_FLIGHT: usize = 64;

/// How much to seed.
#[derive(Debug, Clone, Args)]
pub(crate) struct SeedArgs {
    /// Where the API is
    #[arg(default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Posts
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    posts: u32,
    /// Users who react
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    users: u32,
    /// Reactions of these users on these posts
    #[arg(long, default_value_t = 3000)]
    reactions: u64,
    /// Another number makes other posts
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Serialize)]
struct Summary {
    posts: u32,
    reactions: u64,
}

/// Writes the seed. What is there already stays as it is. The API says when a reaction is made, so
/// all of them are made now.
pub(crate) async fn run(args: &SeedArgs, kinds: &Kinds, json: bool) -> Result<(), BoxError> {
    let SeedArgs { posts, users, reactions, seed, .. } = *args;
    if reactions > u64::from(posts) * u64::from(users) {
        return Err("each user reacts to a post once: there can be at most posts × users".into());
    }
    let (seed, api) = (Seed { posts, users, reactions, seed }, Api::new(&args.url)?);
    // The first post carries the moment that the whole seed hangs on.
    let now = api.anchor(&Plan::post_id(&seed, 0)?).await?;
    let plan = Arc::new(Plan::new(seed, Arc::new(kinds.clone()), now));
    say(&format!("{posts} posts"));
    api.put_post(&plan.post(0)?).await?;
    let upserts = (1..posts).map(|n| {
        let post = plan.post(n);
        async { api.put_post(&post?).await }
    });
    stream::iter(upserts).buffer_unordered(IN_FLIGHT).try_collect::<()>().await?;
    say(&format!("{reactions} reactions"));
    let all = (0..posts).flat_map(|n| Arc::clone(&plan).reactions(n));
    let reacts = all.map(|reaction| async { api.react(&reaction?, kinds).await });
    stream::iter(reacts).buffer_unordered(IN_FLIGHT).try_collect::<()>().await?;
    let text = match json {
        true => serde_json::to_string(&Summary { posts, reactions })?,
        false => format!("{posts} posts, {reactions} reactions"),
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

fn say(line: &str) {
    // Nobody to tell is no reason to stop.
    let _ = writeln!(std::io::stderr(), "writing {line}");
}

struct Api {
    http: reqwest::Client,
    base: String,
}

impl Api {
    fn new(url: &str) -> Result<Self, BoxError> {
        kudos_runtime::tls::install();
        let http = reqwest::Client::builder().timeout(std::time::Duration::from_secs(15));
        Ok(Self { http: http.no_proxy().build()?, base: url.trim_end_matches('/').to_owned() })
    }

    /// The moment that a seed hangs on: now, or that of the last time.
    async fn anchor(&self, first: &kudos_core::PostId) -> Result<kudos_core::Millis, BoxError> {
        let request = self.request(Method::GET, &format!("/v1/posts/{first}"), "seed");
        let answer = request.send().await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(SystemClock.now());
        }
        let post: Value = answer.error_for_status()?.json().await?;
        let created: Timestamp = serde_json::from_value(post["created_at"].clone())?;
        Ok(Plan::anchor(created.0))
    }

    async fn put_post(&self, post: &Post) -> Result<(), BoxError> {
        let body = json!({
            "title": post.title, "body": post.body, "author": post.author,
            "created_at": Timestamp(post.created_at).to_string(),
        });
        let request = self.request(Method::PUT, &format!("/v1/posts/{}", post.id), "seed");
        self.send(request.json(&body)).await
    }

    async fn react(&self, reaction: &Reaction, kinds: &Kinds) -> Result<(), BoxError> {
        let Reaction { key, post, user, kind, .. } = reaction;
        let path = format!("/v1/posts/{post}/reactions/{}/@me", kinds.name(*kind));
        let request = self.request(Method::PUT, &path, user.as_str());
        self.send(request.header("idempotency-key", key)).await
    }

    fn request(&self, method: Method, path: &str, user: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).header("x-user-id", user)
    }

    /// Sends a request that may be sent again, also when it is refused for the moment.
    async fn send(&self, request: RequestBuilder) -> Result<(), BoxError> {
        for pause in [100, 400, 1_600, 0] {
            let again = request.try_clone().ok_or("a body that cannot be sent again")?;
            let answer = again.send().await?;
            match answer.status() {
                status if status.is_success() => return Ok(()),
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE if pause > 0 => {
                    tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
                }
                status => return Err(format!("{status}: {}", answer.text().await?).into()),
            }
        }
        Err("the server has no room for this".into())
    }
}
