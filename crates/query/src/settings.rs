use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a read may take, in milliseconds. `[query]` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuerySettings {
    /// A whole read, whatever fails.
    pub total_ms: u64,
    /// The live counts' share.
    pub live_ms: u64,
    /// The text index's share.
    pub index_ms: u64,
    /// The truth's share: titles, counts that live does not hold, what the caller holds. Where it is
    /// the last source, as for counts without live and for the time order, it has all the time that
    /// is left.
    pub truth_ms: u64,
    /// How old the index's order may be, for `as_of`.
    pub index_lag_ms: u64,
    /// How often live events are sent; changes of a post in between are sent as one.
    pub events_ms: u64,
    /// How long the first page of a listing without words may be given again to other readers,
    /// with the `as_of` of its making; 0 to rank each anew. It saves every round trip of the most
    /// wanted pages, at the price that a reader may not see the like of a moment ago.
    pub page_cache_ms: u64,
    /// How long such a page is kept for when no source answers at all; it is then given with the
    /// `as_of` of its making, and says so. Whoever hides a post waits for that long at most.
    pub page_keep_ms: u64,
}

impl Default for QuerySettings {
    fn default() -> Self {
        Self {
            total_ms: 400,
            live_ms: 40,
            index_ms: 150,
            truth_ms: 150,
            index_lag_ms: 2_000,
            events_ms: 100,
            page_cache_ms: 0,
            page_keep_ms: 10_000,
        }
    }
}

impl QuerySettings {
    pub(crate) fn total(&self) -> Duration {
        Duration::from_millis(self.total_ms)
    }

    pub(crate) fn live(&self) -> Duration {
        Duration::from_millis(self.live_ms)
    }

    pub(crate) fn index(&self) -> Duration {
        Duration::from_millis(self.index_ms)
    }

    pub(crate) fn truth(&self) -> Duration {
        Duration::from_millis(self.truth_ms)
    }

    pub(crate) fn index_lag(&self) -> Duration {
        Duration::from_millis(self.index_lag_ms)
    }

    pub(crate) fn page_cache(&self) -> Duration {
        Duration::from_millis(self.page_cache_ms)
    }

    pub(crate) fn page_keep(&self) -> Duration {
        Duration::from_millis(self.page_keep_ms)
    }

    pub(crate) fn events(&self) -> Duration {
        Duration::from_millis(self.events_ms)
    }
}
