//! Ready, watched, and stopped in good order.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Launch, kudos, read_answer};

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
