use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a write may take, and what it requires. `[write]` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriteSettings {
    /// Whether a post has to be stored before it takes reactions; if not, the first reaction
    /// introduces it.
    pub require_known: bool,
    /// The most milliseconds that a write waits for the truth. After that the client gets 503 and
    /// may send the same operation again.
    pub truth_ms: u64,
    /// The most milliseconds that a write waits for the sinks, all together.
    pub sinks_ms: u64,
}

impl Default for WriteSettings {
    fn default() -> Self {
        Self { require_known: true, truth_ms: 1_500, sinks_ms: 40 }
    }
}

impl WriteSettings {
    pub(crate) fn truth_budget(&self) -> Duration {
        Duration::from_millis(self.truth_ms)
    }

    /// The budget of [`kudos_projection::Deliveries`].
    pub fn sinks_budget(&self) -> Duration {
        Duration::from_millis(self.sinks_ms)
    }
}
