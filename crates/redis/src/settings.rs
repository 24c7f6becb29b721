use std::path::PathBuf;
use std::time::Duration;

use kudos_runtime::config::{InvalidSetting, Secret};
use serde::{Deserialize, Serialize};

/// The most shards that ranks are split into.
const MOST_SHARDS: u32 = 256;

/// Whether there is one Redis or a cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One server.
    #[default]
    Single,
    /// Redis Cluster.
    Cluster,
}

/// Whether replicas, which lag behind their masters, may answer reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadReplicas {
    /// Masters answer every read.
    #[default]
    Never,
    /// A replica answers while its master does not.
    Fallback,
    /// A replica answers, and its master if the replica does not.
    Prefer,
}

/// Where Redis is, and how long it is waited for. `[redis]` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisSettings {
    /// `single` or `cluster`.
    pub mode: Mode,
    /// `host:port` of the server, or of some nodes of the cluster: the others are found from them.
    pub nodes: Vec<String>,
    /// How many parts the ranks have. One holds about ten million posts well; a cluster spreads
    /// more over its masters. After a change the ranks are loaded anew.
    pub shards: u32,
    /// Put before every key, for several deployments on one server. No braces.
    pub prefix: String,
    /// Whether replicas may answer reads: `never`, `fallback` or `prefer`.
    pub read_replicas: ReadReplicas,
    /// The most milliseconds to make a connection, greetings included.
    pub connect_ms: u64,
    /// The most milliseconds for one round trip.
    pub response_ms: u64,
    /// The most milliseconds for one call, all its round trips and retries included; for many
    /// posts, of each 128.
    pub total_ms: u64,
    /// How often the cluster is asked who serves what, in milliseconds. Errors make it ask at once.
    pub refresh_ms: u64,
    /// Round trips under way to one node; as many may wait.
    pub in_flight: usize,
    /// A connection is made anew after so many time-outs without an answer between them.
    pub rebuild_after: u32,
    /// The user, if Redis has access control lists.
    pub username: String,
    /// The user's password; empty for none.
    pub password: Secret,
    /// Whether connections are encrypted.
    pub tls: bool,
    /// The certificates (PEM) that the servers' are checked against; the system's if not given.
    pub tls_ca: Option<PathBuf>,
    /// The client's own certificate (PEM), for servers that ask for one.
    pub tls_cert: Option<PathBuf>,
    /// The key (PEM) of `tls_cert`.
    pub tls_key: Option<PathBuf>,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            mode: Mode::Single,
            nodes: vec!["127.0.0.1:6379".to_owned()],
            shards: 1,
            prefix: String::new(),
            read_replicas: ReadReplicas::Never,
            connect_ms: 150,
            response_ms: 100,
            total_ms: 1_000,
            refresh_ms: 2_000,
            in_flight: 512,
            rebuild_after: 3,
            username: String::new(),
            password: Secret::default(),
            tls: false,
            tls_ca: None,
            tls_cert: None,
            tls_key: None,
        }
    }
}

fn invalid(key: &str, problem: impl Into<String>) -> Result<(), InvalidSetting> {
    Err(InvalidSetting { key: format!("redis.{key}"), problem: problem.into() })
}

impl RedisSettings {
    /// Checks the settings against each other, without asking any server.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        match (self.mode, self.nodes.len()) {
            (_, 0) => return invalid("nodes", "name at least one node as host:port"),
            (Mode::Single, 2..) => {
                return invalid("nodes", "name one server, or set redis.mode to cluster");
            }
            _ => {}
        }
        if let Some(node) = self.nodes.iter().find(|node| host_and_port(node).is_none()) {
            return invalid("nodes", format!("{node:?} is not host:port"));
        }
        if !(1..=MOST_SHARDS).contains(&self.shards) {
            return invalid("shards", format!("must be 1 to {MOST_SHARDS}"));
        }
        if self.prefix.contains(['{', '}']) {
            return invalid("prefix", "must not contain braces, which choose a key's slot");
        }
        let numbers = [
            ("connect_ms", self.connect_ms),
            ("response_ms", self.response_ms),
            ("total_ms", self.total_ms),
            ("refresh_ms", self.refresh_ms),
            ("in_flight", self.in_flight as u64),
            ("rebuild_after", self.rebuild_after.into()),
        ];
        if let Some((key, _)) = numbers.iter().find(|(_, n)| !(1..=3_600_000).contains(n)) {
            return invalid(key, "must be 1 to 3600000");
        }
        if !self.username.is_empty() && self.password.is_empty() {
            return invalid("password", "is missing, although redis.username is set");
        }
        if !self.tls && (self.tls_ca.is_some() || self.tls_cert.is_some()) {
            return invalid("tls", "must be true for redis.tls_ca and redis.tls_cert to be of use");
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return invalid("tls_key", "goes with redis.tls_cert: give both or none");
        }
        Ok(())
    }

    pub(crate) fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms)
    }

    pub(crate) fn response(&self) -> Duration {
        Duration::from_millis(self.response_ms)
    }

    pub(crate) fn total(&self) -> Duration {
        Duration::from_millis(self.total_ms)
    }

    pub(crate) fn refresh(&self) -> Duration {
        Duration::from_millis(self.refresh_ms)
    }
}

/// Splits `host:port`; an IPv6 address may be bare, as Redis gives it, or in brackets.
pub(crate) fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty()).then_some((host, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut RedisSettings)) -> String {
        let mut settings = RedisSettings::default();
        change(&mut settings);
        settings.validate().unwrap_err().key
    }

    #[test]
    fn defaults_are_valid() {
        assert_eq!(RedisSettings::default().validate(), Ok(()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        assert_eq!(refused(|s| s.nodes.clear()), "redis.nodes");
        assert_eq!(refused(|s| s.nodes = vec!["a:1".into(), "b:1".into()]), "redis.nodes");
        assert_eq!(refused(|s| s.nodes = vec!["redis://a".into()]), "redis.nodes");
        assert_eq!(refused(|s| s.shards = 0), "redis.shards");
        assert_eq!(refused(|s| s.prefix = "{a}".into()), "redis.prefix");
        assert_eq!(refused(|s| s.response_ms = 0), "redis.response_ms");
        assert_eq!(refused(|s| s.username = "kudos".into()), "redis.password");
        assert_eq!(refused(|s| s.tls_ca = Some("ca.pem".into())), "redis.tls");
    }

    #[test]
    fn an_address_may_be_ipv6() {
        assert_eq!(host_and_port("[::1]:6379"), Some(("::1", 6379)));
        assert_eq!(host_and_port("::1:6379"), Some(("::1", 6379)));
        assert_eq!(host_and_port("redis-1:7000"), Some(("redis-1", 7000)));
        assert_eq!(host_and_port(":7000"), None);
    }
}
