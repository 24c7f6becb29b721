//! The real binary from outside, without any server: what it prints, and the code it exits with.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod capacity;
mod commands;
mod doctor;

use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// The program with no settings but these words.
fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kudosctl"));
    command.env_clear().args(words).stdin(Stdio::null());
    command
}

fn run(words: &[&str]) -> Output {
    command(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Connections come about, and nobody ever answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// The settings that send all engines to one address.
fn all_at(address: &str) -> Vec<String> {
    let settings = [
        format!("cassandra.contact_points=[\"{address}\"]"),
        format!("redis.nodes=[\"{address}\"]"),
        format!("kafka.brokers=[\"{address}\"]"),
        format!("elastic.urls=[\"http://{address}\"]"),
    ];
    settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]).collect()
}

/// Waits for the end, for at most `limit`.
fn ended(mut child: Child, limit: Duration) -> (ExitStatus, Duration) {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (status, begun.elapsed());
        }
        if begun.elapsed() > limit {
            child.kill().unwrap();
            panic!("no end within {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
