//! Live counts.

use std::path::Path;
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::{Api, Launch, Op, Server, kudos, numbered_posts};

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

/// A listener.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    /// Opens a stream that ended behind `last`, or one from now on.
    async fn open(api: &Api, query: &str, last: Option<&str>) -> Self {
        let request = api.request(Method::GET, &format!("/v1/events{query}"));
        let request = match last {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event; none once the server has ended the stream in good order.
    async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("no event")
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let event = parse(frame);
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
                continue;
            }
            let chunk = self.response.chunk().await.expect("the stream breaks off")?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Waits for the counts of a post with that total.
    async fn total(&mut self, post: &str, total: u64) -> Event {
        loop {
            let event = self.next().await.expect("the stream ended");
            assert_eq!(event.name, "counts", "{event:?}");
            if event.data["post"] == post && event.data["total"] == total {
                return event;
            }
        }
    }
}

/// None of a comment.
fn parse(frame: &str) -> Option<Event> {
    let field = |name: &str| {
        let mut lines = frame.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    };
    let data = serde_json::from_str(&field("data")?).unwrap();
    Some(Event { id: field("id")?, name: field("event")?, data })
}

fn like(post: &str, user: &str) -> Op {
    Op::new("k", post, user, Some("like"))
}

async fn with_posts(data: &Path) -> (Server, Api) {
    let server = kudos(data).await;
    let api = server.api();
    for post in numbered_posts(3) {
        api.put_post(&post).await;
    }
    (server, api)
}

#[tokio::test]
async fn a_like_reaches_whoever_listens() {
    let data = tempfile::tempdir().unwrap();
    let (_server, api) = with_posts(data.path()).await;
    let mut all = Events::open(&api, "", None).await;
    let mut one = Events::open(&api, "?posts=p001", None).await;
    api.react(&like("p000", "ann")).await;
    let event = all.total("p000", 1).await;
    assert_eq!(event.data["counts"]["like"], 1);
    assert_eq!(event.data["version"], 1);
    api.react(&like("p001", "ann")).await;
    all.total("p001", 1).await;
    let only = one.next().await.unwrap();
    assert_eq!(only.data["post"], "p001");
}

#[tokio::test]
async fn a_stream_goes_on_behind_its_last_event_after_a_reconnect_and_after_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let (server, api) = with_posts(data.path()).await;
    let mut events = Events::open(&api, "", None).await;
    api.react(&like("p000", "ann")).await;
    let seen = events.total("p000", 1).await.id;
    drop(events);

    api.react(&like("p001", "ann")).await;
    let mut events = Events::open(&api, "", Some(&seen)).await;
    let missed = events.total("p001", 1).await;
    api.react(&like("p002", "ann")).await;
    events.total("p002", 1).await;
    server.kill().await;

    let server = kudos(data.path()).await;
    let api = server.api();
    let mut events = Events::open(&api, "", Some(&missed.id)).await;
    events.total("p002", 1).await;
    api.react(&like("p002", "ben")).await;
    events.total("p002", 2).await;
}

#[tokio::test]
async fn a_position_that_the_log_does_not_hold_is_told_to_read_anew() {
    let data = tempfile::tempdir().unwrap();
    let (_server, api) = with_posts(data.path()).await;
    api.react(&like("p000", "ann")).await;
    let mut events = Events::open(&api, "", Some("999999")).await;
    let reset = events.next().await.unwrap();
    assert_eq!((reset.name.as_str(), reset.id.as_str()), ("reset", "1"));
    for bad in ["x", "-1", "1.2.x"] {
        let request = api.request(Method::GET, "/v1/events").header("last-event-id", bad);
        assert_eq!(request.send().await.unwrap().status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn a_stream_ends_in_good_order_when_the_server_stops() {
    let data = tempfile::tempdir().unwrap();
    let (server, api) = with_posts(data.path()).await;
    let mut events = Events::open(&api, "", None).await;
    api.react(&like("p000", "ann")).await;
    events.total("p000", 1).await;
    server.terminate();
    assert!(events.next().await.is_none());
    assert!(server.ended().await.status.success());
}

#[tokio::test]
async fn a_listener_too_many_is_asked_to_come_back() {
    let data = tempfile::tempdir().unwrap();
    let server = Launch::on(data.path()).set("events.max_clients=2").start().await;
    let api = server.api();
    let _two = [Events::open(&api, "", None).await, Events::open(&api, "", None).await];
    let third = api.get("/v1/events").await;
    assert_eq!((third.status, third.problem()), (503, "unavailable".into()));
    assert!(third.header("retry-after").is_some());
}
