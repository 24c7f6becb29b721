//! All settings of the service. `reaction-write.toml` beside the manifest explains each key.

use std::net::SocketAddr;

use kudos_cassandra::CassandraSettings;
use kudos_core::Kinds;
use kudos_http::auth::AuthSettings;
use kudos_http::limit::LimitSettings;
use kudos_kafka::KafkaSettings;
use kudos_redis::RedisSettings;
use kudos_runtime::config::InvalidSetting;
use kudos_runtime::settings::{
    self, Base, HttpSettings, LogSettings, ServiceSettings, TelemetrySettings,
};
use kudos_write::WriteSettings;
use serde::{Deserialize, Serialize};

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
    pub(crate) write: WriteSettings,
    pub(crate) cassandra: CassandraSettings,
    pub(crate) redis: RedisSettings,
    pub(crate) kafka: KafkaSettings,
    pub(crate) log: LogSettings,
    pub(crate) telemetry: TelemetrySettings,
}

/// What concerns browsers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ApiSettings {
    /// Origins whose pages may call the API from a browser; none by default, `*` for any.
    pub(crate) cors_origins: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8081));
        Self {
            kinds: Kinds::default(),
            http: HttpSettings { listen, ..HttpSettings::default() },
            api: ApiSettings::default(),
            auth: AuthSettings::default(),
            limits: LimitSettings::default(),
            write: WriteSettings::default(),
            cassandra: CassandraSettings::default(),
            redis: RedisSettings::default(),
            kafka: KafkaSettings::default(),
            log: LogSettings::default(),
            telemetry: TelemetrySettings::default(),
        }
    }
}

impl settings::Settings for Settings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        self.auth.validate(self.http.listen)?;
        self.cassandra.validate()?;
        self.redis.validate()?;
        self.kafka.validate()
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
        let checked = check_sample::<Settings>(include_str!("../reaction-write.toml"));
        checked.unwrap_or_else(|error| panic!("reaction-write.toml: {error}"));
    }
}
