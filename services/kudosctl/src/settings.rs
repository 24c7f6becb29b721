//! What the tool has to know of a deployment: the same sections that its services have.

use kudos_cassandra::CassandraSettings;
use kudos_core::Kinds;
use kudos_elastic::ElasticSettings;
use kudos_kafka::KafkaSettings;
use kudos_redis::RedisSettings;
use kudos_runtime::config::InvalidSetting;
use kudos_runtime::settings;
use serde::{Deserialize, Serialize};

/// Everything that can be set. `kudosctl.toml` beside the manifest explains each key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// The reaction kinds, in order.
    pub(crate) kinds: Kinds,
    pub(crate) cassandra: CassandraSettings,
    pub(crate) redis: RedisSettings,
    pub(crate) kafka: KafkaSettings,
    pub(crate) elastic: ElasticSettings,
}

impl settings::Settings for Settings {
    fn validate(&self) -> Result<(), InvalidSetting> {
        self.cassandra.validate()?;
        self.redis.validate()?;
        self.kafka.validate()?;
        self.elastic.validate()
    }
}

#[cfg(test)]
mod tests {
    use kudos_runtime::config::check_sample;

    use super::*;

    #[test]
    fn the_sample_shows_the_defaults_and_explains_every_setting() {
        let checked = check_sample::<Settings>(include_str!("../kudosctl.toml"));
        checked.unwrap_or_else(|error| panic!("kudosctl.toml: {error}"));
    }
}
