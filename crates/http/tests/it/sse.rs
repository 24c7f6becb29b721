//! Streams of events.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures::{FutureExt, StreamExt};
use kudos_http::sse::{EventStreams, Frame, PushError, SseSettings, StreamEnded};
use tokio_util::sync::CancellationToken;

fn streams(shutdown: &CancellationToken) -> EventStreams {
    let settings = SseSettings { max_clients: 2, queue: 2, ..SseSettings::default() };
    EventStreams::new(&settings, shutdown.clone())
}

fn event(id: u32) -> Frame {
    Frame::new(&id, "counts", "{}")
}

async fn next(body: &mut BodyDataStream) -> Option<String> {
    let bytes = body.next().await?.unwrap();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

fn data(response: axum::response::Response<Body>) -> BodyDataStream {
    response.into_body().into_data_stream()
}

#[tokio::test(start_paused = true)]
async fn events_arrive_with_their_ids_in_order() {
    let streams = streams(&CancellationToken::new());
    let (sender, response) = streams.open().unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store, no-transform");
    let mut body = data(response);
    sender.send(event(1)).await.unwrap();
    sender.send(Frame::new(&"7.0", "note", "two\nlines")).await.unwrap();
    assert_eq!(next(&mut body).await.unwrap(), "id: 1\nevent: counts\ndata: {}\n\n");
    let lines = "id: 7.0\nevent: note\ndata: two\ndata: lines\n\n";
    assert_eq!(next(&mut body).await.unwrap(), lines);
    drop(sender);
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test(start_paused = true)]
async fn an_event_cannot_begin_another_field() {
    let streams = streams(&CancellationToken::new());
    let (sender, response) = streams.open().unwrap();
    let forged = Frame::new(&"1\nevent: x", "a\r\ndata: b\0", "c\rdata: d");
    sender.push(forged).unwrap();
    let text = next(&mut data(response)).await.unwrap();
    assert_eq!(text, "id: 1event: x\nevent: adata: b\ndata: c\ndata: data: d\n\n");
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_has_heartbeats() {
    let streams = streams(&CancellationToken::new());
    let (sender, response) = streams.open().unwrap();
    let mut body = data(response);
    let begun = tokio::time::Instant::now();
    assert_eq!(next(&mut body).await.unwrap(), ":\n\n", "at once, so that headers go out");
    assert_eq!(next(&mut body).await.unwrap(), ":\n\n");
    assert_eq!(begun.elapsed(), Duration::from_secs(15));
    sender.send(event(1)).await.unwrap();
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(next(&mut body).await.unwrap().starts_with("id: 1"));
    assert_eq!(next(&mut body).await.unwrap(), ":\n\n");
    assert_eq!(begun.elapsed(), Duration::from_secs(40), "15 s after the event was read");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_process_stops() {
    let shutdown = CancellationToken::new();
    let streams = streams(&shutdown);
    let (sender, response) = streams.open().unwrap();
    let mut body = data(response);
    sender.push(event(1)).unwrap();
    assert!(sender.ended().now_or_never().is_none());
    shutdown.cancel();
    assert_eq!(next(&mut body).await, None);
    sender.ended().await;
    assert_eq!(sender.send(event(2)).await, Err(StreamEnded));
    assert_eq!(streams.open().unwrap_err().status(), 503);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_slow_client_is_bounded() {
    let streams = streams(&CancellationToken::new());
    let (sender, response) = streams.open().unwrap();
    sender.push(event(1)).unwrap();
    sender.push(event(2)).unwrap();
    assert_eq!(sender.push(event(3)), Err(PushError::Full));
    assert!(sender.send(event(3)).now_or_never().is_none());
    drop(response);
    sender.ended().await;
    assert_eq!(sender.push(event(4)), Err(PushError::Ended(StreamEnded)));
}

#[tokio::test(start_paused = true)]
async fn a_client_over_the_limit_finds_room_when_another_has_gone() {
    let streams = streams(&CancellationToken::new());
    let first = streams.open().unwrap();
    let _second = streams.open().unwrap();
    let refused = streams.open().unwrap_err();
    assert_eq!((refused.status().as_u16(), refused.retry_after().is_some()), (503, true));
    drop(first);
    assert_eq!(streams.room(), 1);
    assert!(streams.open().is_ok());
}
