//! Bytes on a connection, for requests that no HTTP client would send.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, taken apart by hand.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl RawAnswer {
    /// The problem document.
    pub(crate) fn problem(&self) -> Value {
        assert!(self.head.contains("application/problem+json"), "{self:?}");
        let document: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(document["status"], self.status, "{self:?}");
        document
    }
}

/// A request without a body, after which the server closes the connection.
pub(crate) fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nhost: kudos\r\nconnection: close\r\n\r\n").into_bytes()
}

/// Sends bytes and reads until the server closes; none if it closes without an answer.
pub(crate) async fn exchange(address: &str, request: &[u8]) -> Option<RawAnswer> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    read_answer(stream).await
}

/// Reads until the server closes; none if it closes without an answer.
pub(crate) async fn read_answer(mut stream: TcpStream) -> Option<RawAnswer> {
    let mut bytes = Vec::new();
    // A connection that is cut may end in a reset: what came before it counts.
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().unwrap();
    Some(RawAnswer { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}
