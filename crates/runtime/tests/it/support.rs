//! A small service's settings, and a client that speaks plain bytes.

use std::{collections::BTreeMap, net::SocketAddr};

use kudos_runtime::{
    config::{InvalidSetting, Secret},
    settings::{self, Base, HttpSettings, LogSettings, ServiceSettings, TelemetrySettings},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) log: LogSettings,
    pub(crate) telemetry: TelemetrySettings,
    pub(crate) http: HttpSettings,
    pub(crate) auth: Auth,
    pub(crate) posts: Posts,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Auth {
    pub(crate) issuer: Option<String>,
    pub(crate) secret: Option<Secret>,
    pub(crate) keys: Option<String>,
    pub(crate) keys_file: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Posts {
    pub(crate) kinds: Vec<String>,
    pub(crate) labels: BTreeMap<String, u16>,
}

impl Default for Posts {
    fn default() -> Self {
        Self { kinds: vec!["like".to_owned(), "love".to_owned()], labels: BTreeMap::new() }
    }
}

impl settings::Settings for Settings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        if self.posts.kinds.is_empty() {
            return Err(InvalidSetting {
                key: "posts.kinds".to_owned(),
                problem: "expected at least one kind".to_owned(),
            });
        }
        Ok(())
    }
}

impl ServiceSettings for Settings {
    fn base(&self) -> Base<'_> {
        Base { http: &self.http, log: &self.log, telemetry: &self.telemetry }
    }
}

pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

pub(crate) async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// Everything until the server closes the connection.
pub(crate) async fn read_to_end(mut stream: TcpStream) -> String {
    let mut text = String::new();
    // A connection that is cut may end in a reset: what came before it counts.
    let _ = stream.read_to_string(&mut text).await;
    text
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: kudos\r\nconnection: close\r\n\r\n")
}
