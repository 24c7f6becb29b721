//! The HTTP/1.1 listener: bounded connections, no patience for slow headers, an orderly end.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{settings::HttpSettings, shutdown::Shutdown};

/// The wait after a failed accept, such as when the process is out of file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// The listener could not be opened.
#[derive(Debug, Error)]
#[error("cannot listen on {address} (setting `http.listen`)")]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every request that had begun was answered.
    Drained,
    /// The grace was over first.
    Cut {
        /// Connections that were dropped with a request on them.
        connections: usize,
    },
}

/// Opens the listener of `http.listen`.
///
/// # Errors
/// [`BindError`], which names the address and the setting.
pub async fn bind(http: &HttpSettings) -> Result<TcpListener, BindError> {
    TcpListener::bind(http.listen)
        .await
        .map_err(|source| BindError { address: http.listen, source })
}

/// Serves `app` until `shutdown` begins; then accepts no more, lets requests finish for
/// `http.shutdown_grace` and drops what is left.
///
/// Handlers find the peer as `ConnectInfo<SocketAddr>`. Body size and request time are the
/// router's own business. Streams without an end have to end themselves when `shutdown` begins.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    http: &HttpSettings,
    shutdown: &Shutdown,
) -> Stopped {
    let graceful = GracefulShutdown::new();
    let connection = Connection {
        app,
        header_read_timeout: http.header_read_timeout,
        hard_stop: CancellationToken::new(),
    };
    let limit = http.max_connections.get().min(Semaphore::MAX_PERMITS);
    let slots = Arc::new(Semaphore::new(limit));

    while let Some(slot) = until(shutdown, slots.clone().acquire_owned()).await {
        let Some(accepted) = until(shutdown, listener.accept()).await else {
            break;
        };
        match accepted {
            Ok((stream, peer)) => {
                let run = connection.clone().run(stream, peer, graceful.watcher());
                tokio::spawn(async move {
                    run.await;
                    drop(slot);
                });
            }
            Err(error) => {
                drop(slot);
                pause_after(&error).await;
            }
        }
    }
    drop(listener);

    let mut all = pin!(graceful.shutdown());
    let grace = shutdown.remaining(http.shutdown_grace);
    if tokio::time::timeout(grace, &mut all).await.is_ok() {
        return Stopped::Drained;
    }
    let connections = limit - slots.available_permits();
    connection.hard_stop.cancel();
    all.await;
    Stopped::Cut { connections }
}

/// What `work` gives, or nothing if the stop begins first.
async fn until<T>(shutdown: &Shutdown, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        done = work => Some(done),
    }
}

/// A peer that went away before it was accepted is no trouble; anything else is the system's.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "cannot accept connections");
        tokio::time::sleep(ACCEPT_BACKOFF).await;
    }
}

#[derive(Clone)]
struct Connection {
    app: Router,
    header_read_timeout: Duration,
    hard_stop: CancellationToken,
}

impl Connection {
    async fn run(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        // Answers are small and written at once: waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "cannot set TCP_NODELAY");
        }
        let service = service_fn(|request| answer(self.app.clone(), peer, request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_read_timeout)
            .serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            ended = watcher.watch(connection) => if let Err(error) = ended {
                tracing::debug!(%error, %peer, "connection ended early");
            },
            () = self.hard_stop.cancelled() => {}
        }
    }
}

async fn answer(
    app: Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<axum::response::Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    app.oneshot(request).await
}
