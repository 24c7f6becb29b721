//! All settings of the service. `projector.toml` beside the manifest explains each key.

use std::net::SocketAddr;

use kudos_cassandra::CassandraSettings;
use kudos_core::Kinds;
use kudos_elastic::ElasticSettings;
use kudos_kafka::KafkaSettings;
use kudos_projection::{AuditorSettings, LoaderSettings, ProjectorSettings, SweeperSettings};
use kudos_redis::{MonitorSettings, RedisSettings};
use kudos_runtime::config::InvalidSetting;
use kudos_runtime::settings::{
    self, Base, HttpSettings, LogSettings, ServiceSettings, TelemetrySettings,
};
use serde::{Deserialize, Serialize};

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// The reaction kinds, in order; the same in all services.
    pub(crate) kinds: Kinds,
    pub(crate) http: HttpSettings,
    pub(crate) projector: ProjectorSettings,
    pub(crate) sweeper: SweeperSettings,
    pub(crate) loader: LoaderSettings,
    pub(crate) auditor: AuditorSettings,
    pub(crate) monitor: MonitorSettings,
    pub(crate) cassandra: CassandraSettings,
    pub(crate) redis: RedisSettings,
    pub(crate) kafka: KafkaSettings,
    pub(crate) elastic: ElasticSettings,
    pub(crate) log: LogSettings,
    pub(crate) telemetry: TelemetrySettings,
}

impl Default for Settings {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8084));
        Self {
            kinds: Kinds::default(),
            http: HttpSettings { listen, ..HttpSettings::default() },
            projector: ProjectorSettings::default(),
            sweeper: SweeperSettings::default(),
            loader: LoaderSettings::default(),
            auditor: AuditorSettings::default(),
            monitor: MonitorSettings::default(),
            cassandra: CassandraSettings::default(),
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
        self.cassandra.validate()?;
        self.redis.validate()?;
        self.monitor.validate()?;
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
        let checked = check_sample::<Settings>(include_str!("../projector.toml"));
        checked.unwrap_or_else(|error| panic!("projector.toml: {error}"));
    }
}
