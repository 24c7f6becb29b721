//! Asking a running server for a job: one JSON line there, JSON lines back, over a Unix socket in
//! the data folder that only the server's own user can open.
//!
//! A client sends a [`Job`](crate::jobs::Job); the server answers any number of
//! [`Event`]s and at last one [`Reply`]. A client that hangs up ends its job.

mod client;
mod server;

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::jobs::{Event, Outcome};
pub(crate) use client::ask;
pub(crate) use server::serve;

/// The longest line of the protocol, in bytes.
const MAX_LINE: u64 = 1 << 20;

/// What the server says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Event(Event),
    Done(Outcome),
    Failed(String),
}

async fn write_line(
    to: &mut (impl AsyncWrite + Unpin),
    message: &impl Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line).await
}

/// The next message; none at the end of the stream.
async fn read_line<T: DeserializeOwned>(
    from: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    match from.take(MAX_LINE).read_until(b'\n', &mut line).await? {
        0 => Ok(None),
        _ => Ok(Some(serde_json::from_slice(&line)?)),
    }
}
