use std::time::Duration;

use kudos_runtime::config::InvalidSetting;
use serde::{Deserialize, Serialize};

/// Whether and how often the servers are asked for their figures. `[monitor]` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorSettings {
    /// Whether this process asks at all.
    pub enabled: bool,
    /// How many milliseconds lie between two rounds.
    pub every_ms: u64,
    /// The most milliseconds that a server has for its answer, the connection included.
    pub timeout_ms: u64,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        Self { enabled: true, every_ms: 5_000, timeout_ms: 1_000 }
    }
}

impl MonitorSettings {
    /// Checks the settings against each other.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        let invalid = |key: &str, problem: &str| {
            Err(InvalidSetting { key: format!("monitor.{key}"), problem: problem.to_owned() })
        };
        if !(1_000..=60_000).contains(&self.every_ms) {
            return invalid("every_ms", "must be 1000 to 60000");
        }
        if !(50..=10_000).contains(&self.timeout_ms) {
            return invalid("timeout_ms", "must be 50 to 10000");
        }
        // A round asks twice: who is there, and then each.
        if self.timeout_ms * 2 > self.every_ms {
            return invalid("timeout_ms", "must be at most half of monitor.every_ms");
        }
        Ok(())
    }

    pub(super) fn every(&self) -> Duration {
        Duration::from_millis(self.every_ms)
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        let refused = |every_ms, timeout_ms| {
            let settings = MonitorSettings { enabled: true, every_ms, timeout_ms };
            settings.validate().map_err(|error| error.key)
        };
        assert_eq!(MonitorSettings::default().validate(), Ok(()));
        assert_eq!(refused(999, 100), Err("monitor.every_ms".to_owned()));
        assert_eq!(refused(60_001, 100), Err("monitor.every_ms".to_owned()));
        assert_eq!(refused(1_000, 49), Err("monitor.timeout_ms".to_owned()));
        assert_eq!(refused(1_000, 501), Err("monitor.timeout_ms".to_owned()));
        assert_eq!(refused(1_000, 500), Ok(()));
    }
}
