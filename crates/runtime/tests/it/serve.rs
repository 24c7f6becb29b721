//! The listener on real sockets.

use std::{net::SocketAddr, num::NonZeroUsize, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo, routing::get};
use kudos_runtime::{
    serve::{Stopped, bind, serve},
    settings::HttpSettings,
    shutdown::Shutdown,
};
use tokio::{net::TcpStream, sync::Notify, task::JoinHandle};

use crate::support::{self, connect, read_to_end, send};

struct Server {
    address: SocketAddr,
    shutdown: Shutdown,
    ended: JoinHandle<Stopped>,
}

async fn serving(app: Router, http: HttpSettings) -> Server {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let http = HttpSettings { listen, ..http };
    let listener = bind(&http).await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    let stop = shutdown.clone();
    let ended = tokio::spawn(async move { serve(listener, app, &http, &stop).await });
    Server { address, shutdown, ended }
}

/// A route that says when a request has begun and answers when it is told to.
fn gated() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (begun, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (said, told) = (begun.clone(), finish.clone());
    let handler = async move || {
        said.notify_one();
        told.notified().await;
        "done"
    };
    (Router::new().route("/", get(handler)), begun, finish)
}

#[tokio::test]
async fn a_graceful_stop_lets_a_request_in_flight_finish() {
    let (app, begun, finish) = gated();
    let server = serving(app, HttpSettings::default()).await;
    let mut idle = connect(server.address).await;
    send(&mut idle, "").await;
    let mut client = connect(server.address).await;
    send(&mut client, "GET / HTTP/1.1\r\nhost: kudos\r\n\r\n").await;
    begun.notified().await;

    server.shutdown.begin();
    // An idle connection is closed at once, which also shows that the stop has been noticed.
    assert_eq!(read_to_end(idle).await, "");
    assert!(!server.ended.is_finished());
    finish.notify_one();

    let answer = read_to_end(client).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("done"), "{answer}");
    assert_eq!(server.ended.await.unwrap(), Stopped::Drained);
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_when_the_grace_is_over() {
    let (app, begun, _never) = gated();
    let http =
        HttpSettings { shutdown_grace: Duration::from_millis(50), ..HttpSettings::default() };
    let server = serving(app, http).await;
    let mut client = connect(server.address).await;
    send(&mut client, &support::get("/")).await;
    begun.notified().await;

    server.shutdown.begin();
    assert_eq!(read_to_end(client).await, "");
    assert_eq!(server.ended.await.unwrap(), Stopped::Cut { connections: 1 });
}

#[tokio::test]
async fn a_client_that_is_slow_with_its_headers_is_cut() {
    let http =
        HttpSettings { header_read_timeout: Duration::from_millis(50), ..HttpSettings::default() };
    let server = serving(Router::new(), http).await;
    let mut client = connect(server.address).await;
    send(&mut client, "GET / HTTP/1.1\r\nhost: ku").await;
    let answer = read_to_end(client).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_connection_over_the_cap_waits_for_a_free_slot() {
    let (app, begun, finish) = gated();
    let http = HttpSettings { max_connections: NonZeroUsize::MIN, ..HttpSettings::default() };
    let server = serving(app, http).await;
    let mut first = connect(server.address).await;
    send(&mut first, &support::get("/")).await;
    begun.notified().await;
    let mut second = connect(server.address).await;
    send(&mut second, &support::get("/")).await;

    finish.notify_one();
    assert!(read_to_end(first).await.ends_with("done"));
    begun.notified().await;
    finish.notify_one();
    assert!(read_to_end(second).await.ends_with("done"));
}

#[tokio::test]
async fn a_handler_knows_its_peer() {
    let handler = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string();
    let app = Router::new().route("/", get(handler));
    let server = serving(app, HttpSettings::default()).await;
    let mut client = connect(server.address).await;
    let own = client.local_addr().unwrap().to_string();
    send(&mut client, &support::get("/")).await;
    assert!(read_to_end(client).await.ends_with(&own));
}

#[tokio::test]
async fn an_address_in_use_names_itself_and_the_setting() {
    let server = serving(Router::new(), HttpSettings::default()).await;
    let http = HttpSettings { listen: server.address, ..HttpSettings::default() };
    let error = bind(&http).await.unwrap_err().to_string();
    let expected = format!("cannot listen on {} (setting `http.listen`)", server.address);
    assert_eq!(error, expected);
}
