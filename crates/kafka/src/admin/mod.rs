//! What is asked of Kafka before or beside the work: whether it can be used, and its topics.

mod check;
mod examine;
mod topics;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;

use crate::asking::Asking;
use crate::client::blocking;
use crate::fault::{Class, KafkaFault};
use crate::settings::KafkaSettings;

pub use check::check;
pub use examine::examine;
pub use topics::{Difference, TopicOutcome, TopicReport, inspect_topics, migrate_topics};

/// How long Kafka may take to let a client in: connection, TLS, login.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one try may take: a wrong password is noticed after it.
const TRY: Duration = Duration::from_millis(500);

/// All topics; or, as soon as it is clear, why they cannot be had.
async fn metadata(settings: &KafkaSettings) -> Result<Metadata, KafkaFault> {
    metadata_within(PATIENCE, settings).await
}

async fn metadata_within(
    patience: Duration,
    settings: &KafkaSettings,
) -> Result<Metadata, KafkaFault> {
    let asking = Asking::new(settings, "admin")?;
    let begun = Instant::now();
    loop {
        let consumer = Arc::clone(&asking.consumer);
        // Of all topics: to ask for one by its name may make it.
        let answer = blocking(move || consumer.fetch_metadata(None, TRY)).await;
        match answer.map_err(|stopped| KafkaFault::Other(stopped.to_string()))? {
            Ok(metadata) => return Ok(metadata),
            Err(error) => {
                let enough = begun.elapsed() >= patience;
                endure(&error, asking.hearing.worst(), enough, settings)?;
            }
        }
    }
}

/// Fails if trying again is of no use, or was for long enough.
fn endure(
    error: &KafkaError,
    heard: Option<(Class, String)>,
    enough: bool,
    settings: &KafkaSettings,
) -> Result<(), KafkaFault> {
    let hopeless = matches!(heard, Some((Class::Authentication | Class::Tls, _)));
    if !hopeless && !enough {
        return Ok(());
    }
    let (class, reason) = heard.unwrap_or_else(|| (Class::of(error), error.to_string()));
    Err(KafkaFault::of(class, reason, settings))
}
