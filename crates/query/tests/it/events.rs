//! Live counts as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures::StreamExt;
use kudos_core::{Kind, PortError};
use kudos_testkit::Call;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::world::{Answer, World};

/// A world with post `a` and `b`, whose hub is running.
async fn running() -> (World, Running) {
    let world = World::new();
    for name in ["a", "b", "x,y"] {
        world.add(name, "T", 0).await;
    }
    let hub = Arc::clone(&world.hub);
    let running = Running(tokio::spawn(async move { hub.run().await }));
    world.on_log.called(Call::Grown, 1).await;
    (world, running)
}

struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Debug, PartialEq)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

impl Event {
    fn post(&self, world: &World) -> String {
        let prefix = format!("{}-", world.scope);
        self.data["post"].as_str().unwrap().trim_start_matches(&prefix).to_owned()
    }

    fn total(&self) -> u64 {
        self.data["total"].as_u64().unwrap()
    }
}

struct Client(BodyDataStream);

impl Client {
    async fn open(world: &World, query: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(format!("/v1/events{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = world.request(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let client = Self(response.into_body().into_data_stream());
        // Lets the stream's task subscribe.
        tokio::task::yield_now().await;
        client
    }

    /// The next event; none when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let bytes = self.0.next().await?.unwrap();
            let text = std::str::from_utf8(&bytes).unwrap();
            let field = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(name));
                line.map(|value| value.trim_start_matches(": ").to_owned())
            };
            if let (Some(id), Some(name), Some(data)) = (field("id"), field("event"), field("data"))
            {
                return Some(Event { id, name, data: serde_json::from_str(&data).unwrap() });
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn changes_between_two_beats_are_one_event_a_post_and_only_the_last_moves_on() {
    let (world, _running) = running().await;
    let mut client = Client::open(&world, "", None).await;
    for user in 0..3 {
        world.react("a", user, Some(Kind(0))).await;
    }
    world.react("b", 0, Some(Kind(1))).await;
    let (first, second) = (client.next().await.unwrap(), client.next().await.unwrap());
    assert_eq!((first.post(&world).as_str(), first.total()), ("a", 3));
    assert_eq!((second.post(&world).as_str(), second.total()), ("b", 1));
    assert_eq!((first.name.as_str(), first.data["counts"]["like"].as_u64()), ("counts", Some(3)));
    assert_eq!(
        (first.data["version"].as_u64(), &first.data["counts"]["angry"]),
        (Some(3), &0.into())
    );
    // Whoever comes back with the id of the first gets the second again, rather than never.
    assert_eq!((first.id.as_str(), second.id.as_str()), ("0", "4"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_gets_what_it_missed_and_then_what_comes() {
    let (world, _running) = running().await;
    for user in 0..3 {
        world.react("a", user, Some(Kind(0))).await;
    }
    let mut client = Client::open(&world, "", Some("1")).await;
    let missed = client.next().await.unwrap();
    assert_eq!((missed.id.as_str(), missed.total()), ("3", 3));
    world.react("b", 0, Some(Kind(0))).await;
    let mut next = client.next().await.unwrap();
    while next.post(&world) != "b" {
        next = client.next().await.unwrap();
    }
    assert_eq!((next.id.as_str(), next.total()), ("4", 1));
    let mut second = Client::open(&world, "", Some("4")).await;
    world.react("b", 0, None).await;
    assert_eq!(second.next().await.unwrap().total(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_place_is_gone_is_told_to_read_anew() {
    let (world, _running) = running().await;
    for user in 0..3 {
        world.react("a", user, Some(Kind(0))).await;
    }
    world.log.trim(1);
    for gone in ["1", "99", "1.2"] {
        let mut client = Client::open(&world, "", Some(gone)).await;
        let event = client.next().await.unwrap();
        assert_eq!((event.name.as_str(), event.id.as_str()), ("reset", "3"), "{gone}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_lags_too_far_behind_is_told_to_read_anew() {
    let (world, _running) = running().await;
    let mut client = Client::open(&world, "", None).await;
    // Far more than may wait for one client, none of it taken.
    for round in 0..500_usize {
        let want = (round % 2 == 0).then_some(Kind(0));
        world.react("a", 0, want).await;
        world.on_log.called(Call::Read, round + 1).await;
    }
    let mut seen = 0;
    while client.next().await.unwrap().name != "reset" {
        seen += 1;
    }
    assert!((1..500).contains(&seen), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_be_of_some_posts_even_of_one_with_a_comma() {
    let (world, _running) = running().await;
    let (comma, b) = (world.post("x,y").as_str().replace(',', "%2C"), world.post("b"));
    let mut client = Client::open(&world, &format!("?posts={comma},{b}"), None).await;
    for name in ["a", "x,y", "b"] {
        world.react(name, 0, Some(Kind(0))).await;
    }
    let (first, second) = (client.next().await.unwrap(), client.next().await.unwrap());
    assert_eq!((first.post(&world).as_str(), second.post(&world).as_str()), ("x,y", "b"));
    assert_eq!((first.id.as_str(), second.id.as_str()), ("0", "3"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_opened_says_why() {
    let world = World::new();
    let many = vec!["p"; 101].join(",");
    let cases = [
        (format!("posts={many}"), "invalid-parameter", "posts"),
        ("posts=a%2Fb".into(), "invalid-post-id", "post"),
        ("posts=a,,b".into(), "invalid-post-id", "post"),
        ("post=a".into(), "invalid-parameter", "post"),
    ];
    for (query, slug, field) in cases {
        let problem = world.get(&format!("/v1/events?{query}"), None).await.problem();
        assert_eq!(problem, (400, slug.into(), field.into()), "{query}");
    }
    let request = Request::get("/v1/events").header("last-event-id", "yesterday");
    let answer = Answer::of(world.request(request.body(Body::empty()).unwrap()).await).await;
    assert_eq!(answer.problem().2, "Last-Event-ID");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_process_stops() {
    let (world, _running) = running().await;
    let mut client = Client::open(&world, "", None).await;
    world.shutdown.cancel();
    assert_eq!(client.next().await, None);
    assert_eq!(world.get("/v1/events", None).await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn what_happens_while_the_log_cannot_be_read_is_not_skipped() {
    let (world, _running) = running().await;
    let mut client = Client::open(&world, "", None).await;
    world.on_log.on(Call::Read).next(2).fail_with(PortError::Timeout);
    world.react("a", 0, Some(Kind(0))).await;
    world.on_log.called(Call::Read, 1).await;
    world.react("b", 0, Some(Kind(0))).await;
    let (first, second) = (client.next().await.unwrap(), client.next().await.unwrap());
    assert_eq!((first.post(&world).as_str(), second.post(&world).as_str()), ("a", "b"));
    assert_eq!(second.id, "2");
}

#[tokio::test(start_paused = true)]
async fn clients_are_told_to_read_anew_once_the_head_is_known_when_the_log_lost_their_place() {
    let (world, _running) = running().await;
    let mut client = Client::open(&world, "", None).await;
    world.on_log.on(Call::Head).next(1).fail_with(PortError::Timeout);
    for user in 0..3 {
        world.react("a", user, Some(Kind(0))).await;
    }
    world.log.trim(1);
    world.on_log.called(Call::Head, 2).await;
    // The head is not known yet: what happens now must come as an event or before the reset.
    world.react("b", 0, Some(Kind(0))).await;
    let reset = client.next().await.unwrap();
    assert_eq!((reset.name.as_str(), reset.id.as_str()), ("reset", "4"));
    world.react("b", 1, Some(Kind(0))).await;
    let event = client.next().await.unwrap();
    assert_eq!((event.total(), event.id.as_str()), (2, "5"));
}

#[tokio::test(start_paused = true)]
async fn the_log_is_read_no_more_than_once_a_beat() {
    let (world, _running) = running().await;
    let mut client = Client::open(&world, "", None).await;
    let begun = tokio::time::Instant::now();
    for user in 0..5 {
        world.react("a", user, Some(Kind(0))).await;
        client.next().await.unwrap();
    }
    assert_eq!(begun.elapsed(), Duration::from_millis(500));
}
