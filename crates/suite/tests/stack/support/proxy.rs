//! An address at which nobody listens yet, and later somebody does.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

/// A free address, kept for later.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
}

impl Proxy {
    /// Nobody listens at it.
    pub(crate) async fn closed() -> Self {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { address: taken.local_addr().unwrap() }
    }

    /// From now on it leads to `target`.
    pub(crate) async fn open(&self, target: &str) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let target = target.to_owned();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let target = target.clone();
                tokio::spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(target).await {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
    }
}
