//! A load generator that costs little: HTTP/1.1 over kept connections, requests written whole,
//! answers read only as far as needed to know where they end.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use crate::error::Error;
use crate::likes::{Likes, post_name, user_name};
#[cfg(feature = "stack")]
use crate::open_loop::p99_ms;

/// What a closed loop sends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Send {
    /// Likes.
    Likes(Likes),
    /// Posts, with a title of words and a number.
    #[cfg(feature = "stack")]
    Posts(crate::stack::Texts),
    /// Requests that do nothing.
    Nothing,
}

impl Send {
    fn write(self, number: u64, request: &mut Vec<u8>) {
        request.clear();
        let user = user_name(number);
        match self {
            Self::Likes(likes) => {
                let post = post_name(likes.post(number));
                request.extend_from_slice(b"PUT /v1/posts/");
                request.extend_from_slice(post.as_bytes());
                request.extend_from_slice(
                    b"/reactions/like/@me HTTP/1.1\r\nHost: bench\r\nX-User-Id: ",
                );
                request.extend_from_slice(user.as_bytes());
                request.extend_from_slice(b"\r\nContent-Length: 0\r\n\r\n");
            }
            #[cfg(feature = "stack")]
            Self::Posts(texts) => texts.write(number, &user, request),
            Self::Nothing => {
                request.extend_from_slice(b"POST /v1/noop HTTP/1.1\r\nHost: bench\r\nX-User-Id: ");
                request.extend_from_slice(user.as_bytes());
                request.extend_from_slice(
                    b"\r\nContent-Type: application/json\r\nContent-Length: 34\r\n\r\n\
                      {\"post\":\"p00000001\",\"kind\":\"like\"}",
                );
            }
        }
    }
}

/// One thread of load, with its connections.
pub(crate) struct Client {
    runtime: Runtime,
    connections: Vec<Connection>,
}

impl Client {
    /// Opens that many connections. Each sends its next request when the last one is answered.
    pub(crate) fn connect(address: SocketAddr, connections: u16) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let connections = runtime.block_on(async {
            let mut opened = Vec::new();
            for _ in 0..connections {
                opened.push(Connection::open(address).await?);
            }
            Ok::<_, Error>(opened)
        })?;
        Ok(Self { runtime, connections })
    }

    /// Sends `count` requests from number `first` on, and returns the time until the last answer.
    pub(crate) fn send(&mut self, what: Send, first: u64, count: u64) -> Result<Duration, Error> {
        let next = Rc::new(AtomicU64::new(first));
        let tasks = LocalSet::new();
        let begun = Instant::now();
        let running: Vec<_> = std::mem::take(&mut self.connections)
            .into_iter()
            .map(|connection| {
                tasks.spawn_local(connection.run(what, Rc::clone(&next), first + count))
            })
            .collect();
        self.connections = self.runtime.block_on(tasks.run_until(async {
            let mut connections = Vec::new();
            for connection in running {
                connections.push(connection.await??);
            }
            Ok::<_, Error>(connections)
        }))?;
        Ok(begun.elapsed())
    }

    /// The 99th percentile of how long the last requests waited for their answers, in milliseconds.
    #[cfg(feature = "stack")]
    pub(crate) fn p99_ms(&self) -> f64 {
        p99_ms(self.connections.iter().flat_map(|connection| connection.waited.iter().copied()))
    }
}

/// A kept connection, with one request on it at a time.
struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    waited: Vec<Duration>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request: Vec::with_capacity(256),
            answer: Vec::with_capacity(4096),
            waited: Vec::new(),
        })
    }

    async fn run(mut self, what: Send, next: Rc<AtomicU64>, end: u64) -> Result<Self, Error> {
        self.waited.clear();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= end {
                return Ok(self);
            }
            what.write(number, &mut self.request);
            let begun = Instant::now();
            self.stream.write_all(&self.request).await?;
            self.read_success().await?;
            self.waited.push(begun.elapsed());
        }
    }

    /// Reads one answer whole; anything but 200, or 201 of what is new, ends the measurement.
    async fn read_success(&mut self) -> Result<(), Error> {
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(Error::Answer("nothing".into()));
            }
            if let Some(length) = length_of(&self.answer)
                && self.answer.len() >= length
            {
                break;
            }
        }
        if self.answer.starts_with(b"HTTP/1.1 200 ") || self.answer.starts_with(b"HTTP/1.1 201 ") {
            return Ok(());
        }
        Err(Error::Answer(String::from_utf8_lossy(&self.answer).into_owned()))
    }
}

/// The bytes of the whole answer, once its headers are complete.
fn length_of(answer: &[u8]) -> Option<usize> {
    let headers = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let lines = answer[..headers].split(|&byte| byte == b'\n');
    let mut bodies = lines.filter_map(|line| {
        let (name, value) = line.split_at_checked(15)?;
        let named = name.eq_ignore_ascii_case(b"content-length:");
        let text = std::str::from_utf8(value).ok().filter(|_| named)?;
        text.trim().parse::<usize>().ok()
    });
    Some(headers + bodies.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_as_long_as_its_headers_say() {
        assert_eq!(length_of(b"HTTP/1.1 200 OK\r\ncontent-le"), None);
        assert_eq!(length_of(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), Some(40));
        assert_eq!(length_of(b"HTTP/1.1 204 No Content\r\n\r\n"), Some(27));
    }
}
