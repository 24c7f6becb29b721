//! `kudosctl load`: an open loop of readers and writers against any base URL.
//!
//! Requests have a time at which they should begin, whatever becomes of the others, and latency
//! counts from there: a server that stalls is charged for everyone who waited.

mod client;
mod mix;
mod report;
mod run;

use std::io::Write;
use std::time::Duration;

use clap::Args;
use kudos_runtime::start::BoxError;

use client::Client;
use mix::Mix;

/// How much load, of what shape.
#[derive(Debug, Clone, Args)]
pub(crate) struct LoadArgs {
    /// Where the API is
    #[arg(default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Requests per second, three reads to each write
    #[arg(long, default_value_t = 200.0, value_parser = rate)]
    rate: f64,
    /// How long, such as 30s or 5m
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration)]
    duration: Duration,
    /// Posts, liked by Zipf's law; they are stored before the load begins
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    posts: u32,
    /// Users who react
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    users: u32,
    /// The exponent of Zipf's law
    #[arg(long, default_value_t = 0.99, value_parser = skew)]
    skew: f64,
    /// The most requests under way at once; more wait, which counts as latency
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    in_flight: u32,
    /// The kinds to react with
    #[arg(long, value_delimiter = ',', default_value = "like,love,haha,wow,sad,angry")]
    kinds: Vec<String>,
    /// A bearer token for all requests, instead of the users' names in X-User-Id
    #[arg(long, env = "KUDOS_LOAD_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Another number draws other requests
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn rate(text: &str) -> Result<f64, String> {
    within(text, 0.01, 1_000_000.0)
}

fn skew(text: &str) -> Result<f64, String> {
    within(text, 0.0, 10.0)
}

fn within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match (least..=most).contains(&value) {
        true => Ok(value),
        false => Err(format!("must be {least} to {most}")),
    }
}

/// Whether every request was answered as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All were.
    Clean,
    /// Some failed, or were refused.
    Failures,
}

/// Puts the load on, and prints what came of it.
pub(crate) async fn run(args: &LoadArgs, json: bool) -> Result<Verdict, BoxError> {
    let client = Client::new(&args.url, args.token.clone(), args.in_flight)?;
    let mut mix = Mix::new(args);
    store_posts(&client, &mix, args.posts).await?;
    say(&format!("{} requests a second for {:?}", args.rate, args.duration));
    let report = run::run(client, &mut mix, args).await;
    let text = if json { serde_json::to_string_pretty(&report)? } else { report.to_string() };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(if report.is_clean() { Verdict::Clean } else { Verdict::Failures })
}

async fn store_posts(client: &Client, mix: &Mix, posts: u32) -> Result<(), BoxError> {
    use futures::{StreamExt, TryStreamExt};
    say(&format!("storing {posts} posts at {}", client.base()));
    let stores = (0..posts).map(|n| client.store(mix.post(n), n));
    futures::stream::iter(stores).buffer_unordered(16).try_collect::<()>().await
}

fn say(line: &str) {
    // Nobody to tell is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}
