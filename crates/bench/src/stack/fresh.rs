//! How long until Elasticsearch's own order knows of a like.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use reqwest::blocking::Response;
use serde_json::{Value, json};

use super::Fault;
use super::world::{Addresses, REFRESH_MS, World};
use crate::client::{Client, Send};
use crate::likes::{Likes, post_name};
use crate::open_loop::p99_ms;
use crate::pairs::Spread;
use crate::report::{Row, progress};
use crate::rows::Effort;

/// Time between two likes: no divisor of the refresh interval, so that they meet it anywhere.
const STEP: Duration = Duration::from_millis(137);
const PATIENCE: Duration = Duration::from_secs(30);

/// Row 10: one like after the other, each on a post of its own, and how long each takes to be seen.
pub(crate) fn measure(
    effort: &Effort,
    at: &Addresses,
    world: &World,
    first: u64,
) -> Result<Row, Fault> {
    let likes = if effort.quick { 50 } else { 250 };
    let (writer, projector) = (world.start("reaction-write")?, world.start("projector")?);
    super::settled(&projector)?;
    let mut client = Client::connect(writer.address, 1)?;
    let mut index = Index::open(format!("{}/{}/_search", at.elastic, world.name))?;
    let (mut waiting, mut seen) = (HashMap::new(), Vec::new());
    let begun = Instant::now();
    for number in 0..likes {
        let post = post_name(number);
        let before = index.totals(&[&post])?.get(&post).copied().unwrap_or(0);
        client.send(Send::Likes(Likes::on(number)), first + number, 1)?;
        waiting.insert(post, (before, Instant::now()));
        let next = begun + STEP * u32::try_from(number + 1).unwrap_or(u32::MAX);
        while Instant::now() < next {
            index.look(&mut waiting, &mut seen)?;
        }
    }
    let end = Instant::now() + PATIENCE;
    while !waiting.is_empty() && Instant::now() < end {
        index.look(&mut waiting, &mut seen)?;
    }
    if !waiting.is_empty() {
        return Err(Fault::Unseen(waiting.len()));
    }
    let p99 = p99_ms(seen.iter().copied());
    let millis: Vec<_> = seen.iter().map(|delay| delay.as_secs_f64() * 1e3).collect();
    let median = Spread::of(&millis).median;
    progress(format_args!("fresh: {likes} likes, median {median:.0} ms"));
    let ratio = p99 / REFRESH_MS as f64;
    Ok(Row::at_most(
        "a like visible in Elasticsearch's order, p99",
        (
            format!("{p99:.0} ms of {likes} likes; median {median:.0} ms"),
            format!("the refresh interval: {REFRESH_MS} ms"),
        ),
        (Spread::of(&[ratio]), ""),
        (1.15, "≤ 1.15"),
    ))
}

struct Index {
    http: reqwest::blocking::Client,
    search: String,
}

impl Index {
    fn open(search: String) -> Result<Self, Fault> {
        Ok(Self { http: super::http()?, search })
    }

    /// What a search finds of these posts.
    fn totals(&self, posts: &[&String]) -> Result<HashMap<String, u64>, Fault> {
        let body = json!({
            "query": { "terms": { "post": posts } }, "size": posts.len(),
            "_source": false, "docvalue_fields": ["post", "reaction_count"],
        });
        let sent = self.http.post(&self.search).json(&body).send();
        let answer: Value = sent.and_then(Response::json).map_err(Fault::of)?;
        let hits = answer["hits"]["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
        let total = |hit: &Value| {
            let fields = &hit["fields"];
            Some((fields["post"][0].as_str()?.to_owned(), fields["reaction_count"][0].as_u64()?))
        };
        Ok(hits.iter().filter_map(total).collect())
    }

    fn look(
        &mut self,
        waiting: &mut HashMap<String, (u64, Instant)>,
        seen: &mut Vec<Duration>,
    ) -> Result<(), Fault> {
        std::thread::sleep(Duration::from_millis(10));
        if waiting.is_empty() {
            return Ok(());
        }
        let posts: Vec<_> = waiting.keys().collect();
        let totals = self.totals(&posts)?;
        waiting.retain(|post, (before, since)| {
            let is_seen = totals.get(post).is_some_and(|total| total > before);
            if is_seen {
                seen.push(since.elapsed());
            }
            !is_seen
        });
        Ok(())
    }
}
