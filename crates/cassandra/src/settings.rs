//! What a deployment says about its Cassandra.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kudos_runtime::config::{InvalidSetting, Secret, duration};
use scylla::statement::{Consistency, SerialConsistency};
use serde::{Deserialize, Serialize};

/// The most buckets of a post.
pub const MAX_BUCKETS: u8 = 64;

/// `[cassandra]` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CassandraSettings {
    /// Nodes to find the cluster by, as `host:port`; the others are learnt from them.
    pub contact_points: Vec<String>,
    /// The keyspace of this deployment.
    pub keyspace: String,
    /// Copies of each row by data center; read when the keyspace is made, and not afterwards.
    pub replication: BTreeMap<String, u8>,
    /// The data center whose nodes are asked, if there are several.
    pub datacenter: Option<String>,
    /// The rack whose nodes are preferred within the data center.
    pub rack: Option<String>,
    /// What a quorum is taken of.
    pub quorum: Quorum,
    /// Who logs in, if the cluster asks.
    pub username: Option<String>,
    /// The password; or `password_file`.
    pub password: Option<Secret>,
    /// Encryption between this process and the nodes.
    pub tls: TlsSettings,
    /// Partitions that the rows of a post are spread over, 1 to 64. Fixed when the keyspace is
    /// made: with more, a viral post is written by several nodes at once, and its counts have to
    /// be added up from all of them.
    pub buckets: u8,
    /// The most that one request to a node takes.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// The most that a connection takes to come about.
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    /// How often a silent connection is tried, and how long it may take to answer: a node that
    /// stopped without closing its connections holds requests for about both together.
    #[serde(with = "duration")]
    pub keepalive: Duration,
    /// A read that is not answered within this is sent to a second node as well.
    #[serde(with = "duration")]
    pub speculative_after: Duration,
    /// How long the commit of an operation is tried for, before nobody knows.
    #[serde(with = "duration")]
    pub commit_timeout: Duration,
    /// The most operations that wait for one bucket of one post.
    pub queue: usize,
    /// The most buckets of posts that are written at once.
    pub lanes: usize,
    /// How long it may take until this process notices that another moved or hid a post.
    #[serde(with = "duration")]
    pub post_ttl: Duration,
    /// The most posts of which creation time and visibility are kept in memory.
    pub post_cache: usize,
    /// The length of a window of the outage journal.
    #[serde(with = "duration")]
    pub window: Duration,
    /// A writer that gave no sign of life for this long counts as dead.
    #[serde(with = "duration")]
    pub orphan_after: Duration,
}

/// Which nodes a quorum is taken of: for reads, for commits and for the order of commits alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quorum {
    /// Those of one data center (`LOCAL_QUORUM`, `LOCAL_SERIAL`). All writers have to be in it:
    /// commits of two data centers would not see one another, and counts would be lost. Another
    /// data center follows, and can take over once the first one writes no more.
    Local,
    /// Those of all data centers (`QUORUM`, `SERIAL`): writers may be anywhere, and every commit
    /// waits for the distance between them several times.
    Global,
}

/// Encryption and who is on the other end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// Whether connections are encrypted.
    pub enabled: bool,
    /// PEM certificates of the authority that signed the nodes' certificates. Those name the
    /// nodes by their IP addresses, because that is how nodes are found.
    pub ca_file: Option<PathBuf>,
    /// This process's own PEM certificate, if the nodes ask for one.
    pub cert_file: Option<PathBuf>,
    /// The private key of that certificate, PEM.
    pub key_file: Option<PathBuf>,
}

impl Default for CassandraSettings {
    fn default() -> Self {
        Self {
            contact_points: vec!["127.0.0.1:9042".to_owned()],
            keyspace: "kudos".to_owned(),
            replication: BTreeMap::from([("datacenter1".to_owned(), 3)]),
            datacenter: None,
            rack: None,
            quorum: Quorum::Local,
            username: None,
            password: None,
            tls: TlsSettings::default(),
            buckets: 1,
            request_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(2),
            keepalive: Duration::from_secs(1),
            speculative_after: Duration::from_millis(100),
            commit_timeout: Duration::from_secs(5),
            queue: 1024,
            lanes: 65_536,
            post_ttl: Duration::from_secs(3),
            post_cache: 100_000,
            window: Duration::from_secs(10),
            orphan_after: Duration::from_secs(30),
        }
    }
}

impl CassandraSettings {
    /// Refuses what cannot work, before anything is connected.
    ///
    /// # Errors
    /// The key to change, below `cassandra`, and why.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        let rules = [
            (self.contact_points.is_empty(), "contact_points", "must name at least one node"),
            (!is_keyspace(&self.keyspace), "keyspace", "must be 1 to 48 of a-z, 0-9 and _"),
            (self.replication.is_empty(), "replication", "must name at least one data center"),
            (self.replication.values().any(|&n| n == 0), "replication", "must be at least 1 each"),
            (!(1..=MAX_BUCKETS).contains(&self.buckets), "buckets", "must be 1 to 64"),
            (self.queue == 0, "queue", "must be at least 1"),
            (self.lanes == 0, "lanes", "must be at least 1"),
            (
                self.rack.is_some() && self.datacenter.is_none(),
                "rack",
                "needs cassandra.datacenter beside it",
            ),
            (
                self.username.is_some() != self.password.is_some(),
                "password",
                "and cassandra.username come together",
            ),
            (
                self.tls.cert_file.is_some() != self.tls.key_file.is_some(),
                "tls.key_file",
                "and cassandra.tls.cert_file come together",
            ),
            (
                self.tls.enabled && self.tls.ca_file.is_none(),
                "tls.ca_file",
                "must name the authority that signed the nodes' certificates",
            ),
            (
                self.orphan_after < self.window.saturating_mul(2),
                "orphan_after",
                "must be at least twice cassandra.window",
            ),
            (self.window.as_millis() < 1000, "window", "must be at least 1s"),
        ];
        match rules.into_iter().find(|(broken, ..)| *broken) {
            Some((_, key, problem)) => {
                Err(InvalidSetting { key: format!("cassandra.{key}"), problem: problem.to_owned() })
            }
            None => Ok(()),
        }
    }

    pub(crate) fn replication_cql(&self) -> String {
        let copies = self.replication.iter().map(|(dc, copies)| {
            // A quote cannot end the literal.
            format!(", '{}': {copies}", dc.replace('\'', "''"))
        });
        format!("{{'class': 'NetworkTopologyStrategy'{}}}", copies.collect::<String>())
    }
}

impl Quorum {
    pub(crate) fn of_reads(self) -> Consistency {
        match self {
            Self::Local => Consistency::LocalQuorum,
            Self::Global => Consistency::Quorum,
        }
    }

    /// For reads that finish whatever commit is under way.
    pub(crate) fn of_settling_reads(self) -> Consistency {
        match self {
            Self::Local => Consistency::LocalSerial,
            Self::Global => Consistency::Serial,
        }
    }

    pub(crate) fn of_commits(self) -> SerialConsistency {
        match self {
            Self::Local => SerialConsistency::LocalSerial,
            Self::Global => SerialConsistency::Serial,
        }
    }
}

fn is_keyspace(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=48).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_the_first_broken_rule_names_its_key() {
        assert_eq!(CassandraSettings::default().validate(), Ok(()));
        type Break = fn(&mut CassandraSettings);
        let broken: [(&str, Break); 6] = [
            ("cassandra.keyspace", |s| s.keyspace = "Kudos; DROP".into()),
            ("cassandra.buckets", |s| s.buckets = 65),
            ("cassandra.password", |s| s.username = Some("ann".into())),
            ("cassandra.tls.ca_file", |s| s.tls.enabled = true),
            ("cassandra.rack", |s| s.rack = Some("a".into())),
            ("cassandra.orphan_after", |s| s.orphan_after = s.window),
        ];
        for (key, breaks) in broken {
            let mut settings = CassandraSettings::default();
            breaks(&mut settings);
            assert_eq!(settings.validate().unwrap_err().key, key);
        }
    }

    #[test]
    fn replication_is_a_literal_that_names_cannot_break() {
        let replication = BTreeMap::from([("a'b".to_owned(), 2), ("c".to_owned(), 3)]);
        let settings = CassandraSettings { replication, ..CassandraSettings::default() };
        assert_eq!(
            settings.replication_cql(),
            "{'class': 'NetworkTopologyStrategy', 'a''b': 2, 'c': 3}"
        );
    }
}
