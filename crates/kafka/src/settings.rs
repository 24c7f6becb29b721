use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kudos_core::ports::MAX_PARTITIONS;
use kudos_runtime::config::{InvalidSetting, Secret};
use serde::{Deserialize, Serialize};

/// `[kafka]`: where the log is, and how it is reached. Each service uses a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaSettings {
    /// Brokers to begin with, `host:port`; the others are learnt from them.
    pub brokers: Vec<String>,
    /// The topic of all changes.
    pub topic: String,
    /// The topic of records that could not be used.
    pub dead_topic: String,
    /// Partitions of the topic when it is made. Never changed afterwards: the events of a post
    /// would no longer be in one order.
    pub partitions: u32,
    /// Copies of each record; the broker's `default.replication.factor` if not given.
    pub replication: Option<u16>,
    /// The consumer group whose members share the work.
    pub group: String,
    /// How the connection is protected.
    pub security: Security,
    /// Certificates that are trusted, as PEM; the system's if not given.
    pub ca_file: Option<PathBuf>,
    /// The client's own certificate, as PEM, if the brokers ask for one.
    pub cert_file: Option<PathBuf>,
    /// The key of the client's certificate, as PEM.
    pub key_file: Option<PathBuf>,
    /// How the password is proven.
    pub sasl_mechanism: SaslMechanism,
    /// The user, with SASL.
    pub username: String,
    /// The user's password, with SASL.
    pub password: Secret,
    /// The most milliseconds that a question to the brokers or a page of the log may take.
    pub request_ms: u64,
    /// The most milliseconds that a record waits to be delivered, before it is given up.
    pub delivery_ms: u64,
    /// The milliseconds that a record waits for company: fewer requests for a little delay.
    pub linger_ms: u64,
    /// Records that may wait to be delivered.
    pub queue_records: u32,
    /// KiB of records that may wait to be delivered.
    pub queue_kib: u32,
    /// KiB that a consumer reads ahead.
    pub fetch_kib: u32,
    /// Clients of a process that read different parts of the log at the same time; more wait.
    pub readers: u32,
    /// Milliseconds without a sign of life until a consumer's partitions go to another.
    pub session_ms: u64,
}

/// How the connection to the brokers is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Not at all: for a network that nobody else is on.
    Plaintext,
    /// TLS.
    Ssl,
    /// A password, without TLS.
    SaslPlaintext,
    /// A password, under TLS.
    SaslSsl,
}

impl Security {
    fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }
}

/// How a password is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaslMechanism {
    /// The password itself is sent: under TLS only.
    #[serde(rename = "PLAIN")]
    Plain,
    /// Challenge and response over SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// Challenge and response over SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl SaslMechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Default for KafkaSettings {
    fn default() -> Self {
        Self {
            brokers: vec!["127.0.0.1:9092".into()],
            topic: "reactions".into(),
            dead_topic: "reactions.dead".into(),
            partitions: 12,
            replication: None,
            group: "kudos-projector".into(),
            security: Security::Plaintext,
            ca_file: None,
            cert_file: None,
            key_file: None,
            sasl_mechanism: SaslMechanism::ScramSha512,
            username: String::new(),
            password: Secret::default(),
            request_ms: 2_000,
            delivery_ms: 5_000,
            linger_ms: 3,
            queue_records: 20_000,
            queue_kib: 16_384,
            fetch_kib: 4_096,
            readers: 4,
            session_ms: 10_000,
        }
    }
}

impl KafkaSettings {
    /// Refuses what cannot work, before anything is started.
    ///
    /// # Errors
    /// The key to change, under `kafka.`, and why.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        let named = !self.topic.is_empty() && self.topic != self.dead_topic;
        let rules = [
            ("brokers", !self.brokers.is_empty(), "must name at least one broker"),
            ("topic", named, "must be a name, and another than kafka.dead_topic"),
            ("dead_topic", !self.dead_topic.is_empty(), "must be a name"),
            ("group", !self.group.is_empty(), "must be a name"),
            (
                "partitions",
                (1..=MAX_PARTITIONS).contains(&(self.partitions as usize)),
                "must be 1 to 256",
            ),
            ("username", !self.lacks_password(), "is needed with SASL, and kafka.password too"),
            ("sasl_mechanism", !self.tells_password(), "must not be PLAIN without TLS"),
            ("key_file", self.cert_file.is_some() == self.key_file.is_some(), "needs cert_file"),
            ("request_ms", self.request_ms >= 10, "must be 10 or more"),
            ("delivery_ms", self.delivery_ms > self.linger_ms, "must exceed kafka.linger_ms"),
            ("queue_records", self.queue_records > 0, "must be 1 or more"),
            ("queue_kib", self.queue_kib > 0, "must be 1 or more"),
            ("fetch_kib", (64..=1_048_576).contains(&self.fetch_kib), "must be 64 to 1048576"),
            ("readers", (1..=64).contains(&self.readers), "must be 1 to 64"),
            ("session_ms", self.session_ms >= 1_000, "must be 1000 or more"),
        ];
        match rules.into_iter().find(|(_, kept, _)| !kept) {
            None => Ok(()),
            Some((key, _, problem)) => {
                Err(InvalidSetting { key: format!("kafka.{key}"), problem: problem.into() })
            }
        }
    }

    fn lacks_password(&self) -> bool {
        self.security.has_sasl() && (self.username.is_empty() || self.password.is_empty())
    }

    fn tells_password(&self) -> bool {
        self.security == Security::SaslPlaintext && self.sasl_mechanism == SaslMechanism::Plain
    }

    pub(crate) fn request(&self) -> Duration {
        Duration::from_millis(self.request_ms)
    }

    /// What every client has in common, in librdkafka's words.
    pub(crate) fn connection(&self) -> BTreeMap<&'static str, String> {
        let mut words = BTreeMap::from([
            ("bootstrap.servers", self.brokers.join(",")),
            ("client.id", "kudos".into()),
            ("security.protocol", self.security.name().into()),
            // A broker that comes back is noticed within seconds, not within minutes.
            ("reconnect.backoff.max.ms", "2000".into()),
            ("socket.connection.setup.timeout.ms", "5000".into()),
            ("socket.keepalive.enable", "true".into()),
            ("topic.metadata.refresh.interval.ms", "10000".into()),
        ]);
        if self.security.has_sasl() {
            words.insert("sasl.mechanism", self.sasl_mechanism.name().into());
            words.insert("sasl.username", self.username.clone());
            words.insert("sasl.password", self.password.expose_secret().into());
        }
        let files = [
            ("ssl.ca.location", &self.ca_file),
            ("ssl.certificate.location", &self.cert_file),
            ("ssl.key.location", &self.key_file),
        ];
        for (word, file) in files {
            if let Some(file) = file {
                words.insert(word, file.display().to_string());
            }
        }
        words
    }
}
