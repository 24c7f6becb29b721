//! All settings of the service. `search.toml` beside the manifest explains each key.

use std::net::SocketAddr;
use std::time::Duration;

use kudos_cassandra::CassandraSettings;
use kudos_core::Kinds;
use kudos_elastic::ElasticSettings;
use kudos_http::api::ApiSettings;
use kudos_http::auth::AuthSettings;
use kudos_http::limit::LimitSettings;
use kudos_http::sse::SseSettings;
use kudos_kafka::KafkaSettings;
use kudos_query::QuerySettings;
use kudos_redis::RedisSettings;
use kudos_runtime::config::{InvalidSetting, duration};
use kudos_runtime::settings::{
    self, Base, HttpSettings, LogSettings, ServiceSettings, TelemetrySettings,
};
use serde::{Deserialize, Serialize};

use crate::console::ConsoleSettings;

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// The reaction kinds, in order; the same in all services.
    pub(crate) kinds: Kinds,
    pub(crate) http: HttpSettings,
    pub(crate) api: ApiSettings,
    pub(crate) auth: AuthSettings,
    pub(crate) limits: LimitSettings,
    pub(crate) events: SseSettings,
    pub(crate) query: QuerySettings,
    pub(crate) cache: CacheSettings,
    pub(crate) console: ConsoleSettings,
    pub(crate) cassandra: CassandraSettings,
    pub(crate) redis: RedisSettings,
    pub(crate) kafka: KafkaSettings,
    pub(crate) elastic: ElasticSettings,
    pub(crate) log: LogSettings,
    pub(crate) telemetry: TelemetrySettings,
}

/// Posts that are kept in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CacheSettings {
    /// The memory for posts, in bytes.
    pub(crate) post_bytes: u64,
    /// How long a post is kept if the log does not say that it changed.
    #[serde(with = "duration")]
    pub(crate) post_ttl: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { post_bytes: 64 << 20, post_ttl: Duration::from_secs(10) }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8083));
        Self {
            kinds: Kinds::default(),
            http: HttpSettings { listen, ..HttpSettings::default() },
            api: ApiSettings::default(),
            auth: AuthSettings::default(),
            limits: LimitSettings::default(),
            events: SseSettings::default(),
            query: QuerySettings::default(),
            cache: CacheSettings::default(),
            console: ConsoleSettings::default(),
            // What was just hidden or moved was so by another process: nothing is kept of it here.
            cassandra: CassandraSettings { post_cache: 0, ..Default::default() },
            redis: RedisSettings::default(),
            kafka: KafkaSettings::default(),
            elastic: ElasticSettings::default(),
            log: LogSettings::default(),
            telemetry: TelemetrySettings::default(),
        }
    }
}

impl settings::Settings for Settings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        self.auth.validate(self.http.listen)?;
        self.console.validate()?;
        self.cassandra.validate()?;
        self.redis.validate()?;
        self.kafka.validate()?;
        self.elastic.validate()
    }
}

impl ServiceSettings for Settings {
    fn base(&self) -> Base<'_> {
        Base { http: &self.http, log: &self.log, telemetry: &self.telemetry }
    }
}

#[cfg(test)]
mod tests {
    use kudos_runtime::config::check_sample;

    use super::*;

    #[test]
    fn the_sample_shows_the_defaults_and_explains_every_setting() {
        let checked = check_sample::<Settings>(include_str!("../search.toml"));
        checked.unwrap_or_else(|error| panic!("search.toml: {error}"));
    }
}
