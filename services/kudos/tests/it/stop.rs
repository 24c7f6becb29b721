//! Ready, watched, and stopped in good order.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Launch, Op, kudos, numbered_posts, read_answer};

#[tokio::test]
async fn a_request_that_has_begun_is_answered_when_the_server_is_asked_to_stop() {
    let data = tempfile::tempdir().unwrap();
    let server = kudos(data.path()).await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let body = br#"{"title":"stored while stopping"}"#;
    let head = format!(
        "PUT /v1/posts/late HTTP/1.1\r\nhost: kudos\r\nx-user-id: ann\r\nexpect: 100-continue\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: the request is being worked on.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 "), "{go_on:?}");

    let begun = Instant::now();
    server.terminate();
    refused_connection(server.address()).await;
    stream.write_all(body).await.unwrap();
    assert_eq!(read_answer(stream).await.unwrap().status, 201);
    let stopped = server.ended().await;
    assert!(stopped.status.success(), "{}", stopped.log);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());

    let server = kudos(data.path()).await;
    assert_eq!(server.api().get("/v1/posts/late").await.ok()["title"], "stored while stopping");
}

/// Waits until the server takes no more connections. Each try is an answer of the system.
async fn refused_connection(address: &str) {
    let begun = Instant::now();
    while TcpStream::connect(address).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "still accepting connections");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_within_the_grace() {
    let data = tempfile::tempdir().unwrap();
    let launch = Launch::on(data.path()).set("http.shutdown_grace=1s");
    let server = launch.set("http.request_timeout=1h").start().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head =
        b"PUT /v1/posts/late HTTP/1.1\r\nhost: kudos\r\nx-user-id: ann\r\nexpect: 100-continue\r\n\
        content-type: application/json\r\ncontent-length: 9\r\n\r\n";
    stream.write_all(head).await.unwrap();
    stream.read_exact(&mut [0; 25]).await.unwrap();
    let begun = Instant::now();
    let stopped = server.stop().await;
    assert!(stopped.status.success(), "{}", stopped.log);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_that_is_ready_says_so_and_names_its_checks() {
    let data = tempfile::tempdir().unwrap();
    let server = kudos(data.path()).await;
    let api = server.api();
    assert_eq!(
        (api.get("/livez").await.body.as_str(), api.get("/readyz").await.body.as_str()),
        ("ok", "ready")
    );
    let report = api.get("/readyz?verbose").await.ok();
    assert_eq!(report["readiness"], "ready");
    assert_eq!(report["checks"][0]["name"], "store");
}

#[tokio::test]
async fn the_data_of_a_running_server_is_refused_to_a_second_one() {
    let data = tempfile::tempdir().unwrap();
    let _first = kudos(data.path()).await;
    let second = Launch::on(data.path()).try_start().await;
    let log = second.err().expect("two servers on one folder");
    assert!(log.contains("in use by another process"), "{log}");
}

#[tokio::test]
async fn metrics_can_be_read_by_prometheus_and_count_reactions_and_answers() {
    let data = tempfile::tempdir().unwrap();
    let server = kudos(data.path()).await;
    let api = server.api();
    api.put_post(&numbered_posts(1)[0]).await;
    api.react(&Op::new("k", "p000", "ann", Some("like"))).await;
    api.counts("p000", "ann").await;
    let metrics = api.get("/metrics").await;
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain"));
    let samples: Vec<_> = metrics.body.lines().filter(|line| !line.starts_with('#')).collect();
    for line in &samples {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let bare = name.split('{').next().unwrap();
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        assert!(!bare.is_empty() && bare.chars().all(valid), "{line}");
        assert_eq!(name.contains('{'), name.ends_with('}'), "{line}");
        assert!(matches!(value, "+Inf" | "NaN") || value.parse::<f64>().is_ok(), "{line}");
    }
    let reactions = |line: &&&str| line.starts_with("kudos_reactions");
    assert!(samples.iter().find(reactions).is_some(), "{}", metrics.body);
    let answer =
        ["kudos_answers_total{", "asked=\"counts\"", "degraded=\"false\"", "source=\"live\""];
    let is_answer = |line: &&str| answer.iter().all(|part| line.contains(part));
    assert!(samples.iter().any(is_answer), "{}", metrics.body);
}
