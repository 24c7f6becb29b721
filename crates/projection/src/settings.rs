//! What can be set, with defaults that need no thought.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the projector works. `[projector]` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectorSettings {
    /// The least milliseconds between two updates of a post in a projection, so that a hot post
    /// costs one update in that time. A cold post is updated at once.
    pub pace_ms: u64,
    /// How many milliseconds a post waits for others, to be sent together.
    pub linger_ms: u64,
    /// The most posts that are read and put at a time, and records that are taken at a time.
    pub batch: usize,
    /// The most records of the log that may wait for projections. Beyond, the log waits.
    pub pending_records: usize,
    /// The most posts that may wait for one projection. Beyond, the log waits.
    pub pending_posts: usize,
    /// The most milliseconds for a read of the truth or an answer of the log.
    pub call_ms: u64,
    /// The most milliseconds for a batch to be put into a projection.
    pub put_ms: u64,
    /// The pause after a failure, in milliseconds; it doubles with each up to `retry_cap_ms`.
    pub retry_base_ms: u64,
    /// The longest pause after a failure, in milliseconds.
    pub retry_cap_ms: u64,
    /// How many milliseconds lie between two commits of what is done with.
    pub commit_ms: u64,
    /// The most milliseconds that a stop waits for what is pending. What is left is told again.
    pub stop_ms: u64,
}

impl Default for ProjectorSettings {
    fn default() -> Self {
        Self {
            pace_ms: 1_000,
            linger_ms: 20,
            batch: 500,
            pending_records: 1_000_000,
            pending_posts: 100_000,
            call_ms: 2_000,
            put_ms: 10_000,
            retry_base_ms: 100,
            retry_cap_ms: 5_000,
            commit_ms: 500,
            stop_ms: 5_000,
        }
    }
}

impl ProjectorSettings {
    pub(crate) fn pace(&self) -> Duration {
        Duration::from_millis(self.pace_ms)
    }

    pub(crate) fn linger(&self) -> Duration {
        Duration::from_millis(self.linger_ms)
    }

    pub(crate) fn call_limit(&self) -> Duration {
        Duration::from_millis(self.call_ms)
    }

    pub(crate) fn put_limit(&self) -> Duration {
        Duration::from_millis(self.put_ms)
    }

    pub(crate) fn retry_base(&self) -> Duration {
        Duration::from_millis(self.retry_base_ms.max(1))
    }

    pub(crate) fn retry_cap(&self) -> Duration {
        Duration::from_millis(self.retry_cap_ms.max(1))
    }

    pub(crate) fn commit_pause(&self) -> Duration {
        Duration::from_millis(self.commit_ms)
    }

    pub(crate) fn stop_limit(&self) -> Duration {
        Duration::from_millis(self.stop_ms)
    }
}

/// How what sinks missed is delivered. `[sweeper]` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SweeperSettings {
    /// How many milliseconds lie between two looks at the outage journal.
    pub every_ms: u64,
    /// The most windows that are looked at a time, besides those that wait for a sick sink.
    pub windows: usize,
    /// The most posts that are read and delivered at a time.
    pub page: usize,
    /// How many milliseconds of deliveries lie between two looks at the journal.
    pub round_ms: u64,
    /// The most milliseconds for each call to the journal, the truth and a sink.
    pub call_ms: u64,
    /// How many milliseconds a sink that failed is left alone; it doubles with each failure up to
    /// `rest_cap_ms`.
    pub rest_base_ms: u64,
    /// The longest rest of a sink that fails, in milliseconds.
    pub rest_cap_ms: u64,
    /// After how many milliseconds another instance takes over from one that died.
    pub lease_ms: u64,
}

impl Default for SweeperSettings {
    fn default() -> Self {
        Self {
            every_ms: 1_000,
            windows: 100,
            page: 200,
            round_ms: 5_000,
            call_ms: 2_000,
            rest_base_ms: 500,
            rest_cap_ms: 10_000,
            lease_ms: 10_000,
        }
    }
}

impl SweeperSettings {
    pub(crate) fn every(&self) -> Duration {
        Duration::from_millis(self.every_ms)
    }

    pub(crate) fn round(&self) -> Duration {
        Duration::from_millis(self.round_ms)
    }

    pub(crate) fn call_limit(&self) -> Duration {
        Duration::from_millis(self.call_ms)
    }

    pub(crate) fn rest_base(&self) -> Duration {
        Duration::from_millis(self.rest_base_ms)
    }

    pub(crate) fn rest_cap(&self) -> Duration {
        Duration::from_millis(self.rest_cap_ms)
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }
}

/// How copies are compared with the truth. `[auditor]` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditorSettings {
    /// The most posts that are looked at in a second.
    pub posts_per_second: u32,
    /// How long it rests after each page, as a multiple of the time that reading it took: 9 keeps
    /// it to a tenth of the time however busy the truth is.
    pub rest_factor: u32,
    /// Posts that are read at a time.
    pub page: usize,
    /// Of every so many posts the rows of one are counted anew; 1 for all, 0 for none.
    pub recount_every: u64,
    /// Whether live counts that differ are told again.
    pub repair: bool,
    /// Whether every post is put into the projections again.
    pub put_again: bool,
    /// The most differences that a report lists.
    pub listed: usize,
    /// How many milliseconds a copy has to learn of a change before it counts as different.
    pub second_look_ms: u64,
    /// The most milliseconds for each call.
    pub call_ms: u64,
    /// The pause before a failed call is made again, in milliseconds.
    pub retry_ms: u64,
    /// How many seconds lie between two passes.
    pub rest_s: u64,
    /// After how many milliseconds another instance takes over from one that died.
    pub lease_ms: u64,
}

impl Default for AuditorSettings {
    fn default() -> Self {
        Self {
            posts_per_second: 200,
            rest_factor: 9,
            page: 100,
            recount_every: 10,
            repair: true,
            put_again: false,
            listed: 100,
            second_look_ms: 2_000,
            call_ms: 5_000,
            retry_ms: 500,
            rest_s: 60,
            lease_ms: 10_000,
        }
    }
}

impl AuditorSettings {
    pub(crate) fn second_look(&self) -> Duration {
        Duration::from_millis(self.second_look_ms)
    }

    pub(crate) fn call_limit(&self) -> Duration {
        Duration::from_millis(self.call_ms)
    }

    pub(crate) fn retry(&self) -> Duration {
        Duration::from_millis(self.retry_ms)
    }

    pub(crate) fn rest(&self) -> Duration {
        Duration::from_secs(self.rest_s)
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }
}

/// How a copy that lost something is told it again. `[loader]` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoaderSettings {
    /// How many milliseconds lie between two looks at what was lost, and between two marks.
    pub every_ms: u64,
    /// From how many milliseconds before the last mark that was found what changed is told again:
    /// longer than a window of the journal and the time until a dead writer is taken for dead.
    pub margin_ms: u64,
    /// After how many milliseconds it is looked once more at what changed: longer than a window of
    /// the journal.
    pub settle_ms: u64,
    /// The most posts that are loaded in a second.
    pub posts_per_second: u32,
    /// Posts that are read and loaded at a time.
    pub page: usize,
    /// Parts of the truth that are loaded side by side.
    pub shares: u32,
    /// The most milliseconds for each call.
    pub call_ms: u64,
    /// The first pause after a failure, in milliseconds.
    pub retry_ms: u64,
    /// After how many milliseconds another instance takes over from one that died.
    pub lease_ms: u64,
}

impl Default for LoaderSettings {
    fn default() -> Self {
        Self {
            every_ms: 1_000,
            margin_ms: 60_000,
            settle_ms: 15_000,
            posts_per_second: 20_000,
            page: 500,
            shares: 4,
            call_ms: 5_000,
            retry_ms: 500,
            lease_ms: 10_000,
        }
    }
}

impl LoaderSettings {
    pub(crate) fn every(&self) -> Duration {
        Duration::from_millis(self.every_ms)
    }

    pub(crate) fn margin(&self) -> Duration {
        Duration::from_millis(self.margin_ms)
    }

    pub(crate) fn settle(&self) -> Duration {
        Duration::from_millis(self.settle_ms)
    }

    pub(crate) fn call_limit(&self) -> Duration {
        Duration::from_millis(self.call_ms)
    }

    pub(crate) fn retry(&self) -> Duration {
        Duration::from_millis(self.retry_ms)
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }
}
