//! What every client of Kafka in this process has in common: its settings and how it is heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kudos_core::PortError;
use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

use crate::fault::Class;
use crate::settings::KafkaSettings;

/// librdkafka's own lines, for who asks for them: what matters in them is told by [`Hearing`].
const TARGET: &str = "librdkafka";

/// Hears what happens to a client, and tells it once: when a trouble begins, and when all is well
/// again.
#[derive(Debug)]
pub(crate) struct Hearing {
    role: &'static str,
    troubled: AtomicBool,
    /// Each trouble since all was well, with what was said of it.
    told: Mutex<Vec<(Class, String)>>,
}

impl Hearing {
    pub(crate) fn new(role: &'static str) -> Arc<Self> {
        Arc::new(Self { role, troubled: AtomicBool::new(false), told: Mutex::default() })
    }

    /// Something works: whatever was wrong is over.
    pub(crate) fn well(&self) {
        if self.troubled.load(Ordering::Relaxed) && self.troubled.swap(false, Ordering::Relaxed) {
            self.told.lock().clear();
            tracing::info!(client = self.role, "Kafka answers again");
        }
    }

    pub(crate) fn trouble(&self, error: &KafkaError, reason: &str) {
        let class = Class::of(error);
        let mut told = self.told.lock();
        if told.iter().any(|(known, _)| *known == class) {
            return;
        }
        tracing::warn!(client = self.role, %error, reason, "Kafka does not answer as it should");
        told.push((class, reason.to_owned()));
        self.troubled.store(true, Ordering::Relaxed);
    }

    /// The most telling of the present troubles.
    pub(crate) fn worst(&self) -> Option<(Class, String)> {
        let told = self.told.lock();
        // A login that fails also looks as if nobody answered.
        let telling = |class| matches!(class, Class::Authentication | Class::Tls);
        let worst = told.iter().find(|(class, _)| telling(*class)).or(told.last());
        worst.cloned()
    }
}

/// Gives what a client has to say to a [`Hearing`].
#[derive(Debug, Clone)]
pub(crate) struct Context(pub(crate) Arc<Hearing>);

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        tracing::debug!(target: TARGET, ?level, facility, "{line}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.trouble(&error, reason);
    }
}

impl ConsumerContext for Context {}

/// The configuration of a client: what all have in common, and what this one adds.
pub(crate) fn config(
    settings: &KafkaSettings,
    own: impl IntoIterator<Item = (&'static str, String)>,
) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Warning);
    for (word, value) in settings.connection().into_iter().chain(own) {
        config.set(word, value);
    }
    config
}

/// What every consumer adds.
pub(crate) fn consuming(settings: &KafkaSettings) -> Vec<(&'static str, String)> {
    let kib = settings.fetch_kib;
    vec![
        ("group.id", settings.group.clone()),
        ("enable.auto.commit", "false".into()),
        ("enable.auto.offset.store", "false".into()),
        ("allow.auto.create.topics", "false".into()),
        ("queued.max.messages.kbytes", kib.to_string()),
        ("fetch.max.bytes", (u64::from(kib) * 1024).to_string()),
        // A reader that had read ahead enough begins again at once, not after a second.
        ("fetch.queue.backoff.ms", "10".into()),
        ("check.crcs", "true".into()),
    ]
}

/// Runs a call that blocks on a thread that may be blocked.
pub(crate) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PortError> {
    let stopped = |_| PortError::Unavailable("the process is stopping".into());
    tokio::task::spawn_blocking(call).await.map_err(stopped)
}
