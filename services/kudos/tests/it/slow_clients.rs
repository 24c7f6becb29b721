//! Clients that are slow, stop half-way, or hang up.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Api, Launch, numbered_posts, read_answer};

const HALF_A_BODY: &[u8] = b"PUT /v1/posts/new HTTP/1.1\r\nhost: kudos\r\nx-user-id: ann\r\n\
    content-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"title\":\"half";

async fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

async fn assert_only_the_first_post(api: &Api) {
    let posts = api.walk("sort=popular").await;
    assert_eq!(posts.len(), 1, "{posts:?}");
}

#[tokio::test]
async fn clients_that_never_finish_are_let_go_and_hold_up_nobody() {
    let data = tempfile::tempdir().unwrap();
    let launch = Launch::on(data.path()).set("http.header_read_timeout=500ms");
    let server = launch.set("http.request_timeout=1s").start().await;
    let api = server.api();
    api.put_post(&numbered_posts(1)[0]).await;

    let mut waiting = Vec::new();
    for request in
        [b"".as_slice(), b"GET /livez HT", b"GET /livez HTTP/1.1\r\nhost: kudos\r\n", HALF_A_BODY]
    {
        for _ in 0..50 {
            let mut stream = connect(server.address()).await;
            stream.write_all(request).await.unwrap();
            waiting.push((request, stream));
        }
    }
    // While 200 of them wait, others are answered.
    assert_only_the_first_post(&api).await;
    for (request, stream) in waiting {
        let answer = read_answer(stream).await;
        let status = answer.as_ref().map(|answer| answer.status);
        match request == HALF_A_BODY {
            // The time of a request is the server's to bound, so the client may come back.
            true => assert_eq!(answer.unwrap().problem()["type"], "/problems/timeout"),
            false => assert!(matches!(status, None | Some(408)), "{answer:?}"),
        }
    }
    assert_only_the_first_post(&api).await;
}

#[tokio::test]
async fn half_closed_and_broken_connections_store_nothing_and_hold_up_nobody() {
    let data = tempfile::tempdir().unwrap();
    let server = Launch::on(data.path()).start().await;
    let api = server.api();
    api.put_post(&numbered_posts(1)[0]).await;
    for _ in 0..20 {
        let mut half_closed = connect(server.address()).await;
        half_closed.write_all(HALF_A_BODY).await.unwrap();
        half_closed.shutdown().await.unwrap();
        // The server sees that no more will come and lets go, with or without a word.
        let mut rest = Vec::new();
        let _ = half_closed.read_to_end(&mut rest).await;
        assert!(!String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 2"), "{rest:?}");

        let mut dropped = connect(server.address()).await;
        dropped.write_all(HALF_A_BODY).await.unwrap();
        dropped.set_zero_linger().unwrap();
    }
    assert_only_the_first_post(&api).await;
}
