//! What is asked of Kafka before or beside the work: whether it can be used, and its topics.

mod check;
mod topics;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::AdminClient;
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;

use crate::client::{Context, Hearing, blocking, config};
use crate::fault::{Class, KafkaFault};
use crate::settings::KafkaSettings;

pub use check::check;
pub use topics::{Difference, TopicOutcome, TopicReport, inspect_topics, migrate_topics};

/// How long Kafka may take to let a client in: connection, TLS, login.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one try may take: a wrong password is noticed after it.
const TRY: Duration = Duration::from_millis(500);

/// A client that asks, and what it has heard.
pub(super) struct Admin {
    pub(super) client: AdminClient<Context>,
    settings: KafkaSettings,
    hearing: Arc<Hearing>,
}

impl Admin {
    pub(super) fn new(settings: &KafkaSettings) -> Result<Self, KafkaFault> {
        let hearing = Hearing::new("admin");
        let client = config(settings, []).create_with_context(Context(Arc::clone(&hearing)));
        let client = client.map_err(|error| KafkaFault::creation(&error))?;
        Ok(Self { client, settings: settings.clone(), hearing })
    }

    /// All topics; or, as soon as it is clear, why they cannot be had.
    pub(super) async fn metadata(self) -> Result<(Self, Metadata), KafkaFault> {
        let stopped = |_| KafkaFault::Other("the process is stopping".into());
        blocking(move || {
            let begun = Instant::now();
            loop {
                // Of all topics: to ask for one by its name may make it.
                match self.client.inner().fetch_metadata(None, TRY) {
                    Ok(metadata) => return Ok((self, metadata)),
                    Err(error) => self.endure(&error, begun.elapsed())?,
                }
            }
        })
        .await
        .map_err(stopped)?
    }

    /// Fails if trying again is of no use, or was for long enough.
    fn endure(&self, error: &KafkaError, tried: Duration) -> Result<(), KafkaFault> {
        let heard = self.hearing.worst();
        let hopeless = matches!(heard, Some((Class::Authentication | Class::Tls, _)));
        if !hopeless && tried < PATIENCE {
            return Ok(());
        }
        let (class, reason) = heard.unwrap_or_else(|| (Class::of(error), error.to_string()));
        Err(KafkaFault::of(class, reason, &self.settings))
    }

    pub(super) fn fault(&self, error: &KafkaError) -> KafkaFault {
        KafkaFault::of(Class::of(error), error.to_string(), &self.settings)
    }
}
