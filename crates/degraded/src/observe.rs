//! What happened and why, for whoever counts it.

use crate::breaker::State;

/// Why a call gave no whole answer: a bounded set, safe as a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// It took longer than its deadline allowed; whether it had an effect is unknown.
    Timeout,
    /// A breaker was open; nothing was sent.
    Open,
    /// A bulkhead was full; nothing was sent.
    Full,
    /// The call was made and failed.
    Error,
    /// The call answered, but for a part only.
    Partial,
    /// The caller went away before the outcome was known.
    Abandoned,
}

impl Reason {
    /// The label: lower case, one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Open => "open",
            Self::Full => "full",
            Self::Error => "error",
            Self::Partial => "partial",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether the node was asked and did badly, as opposed to never having been asked.
    pub(crate) const fn blames_the_node(self) -> bool {
        matches!(self, Self::Timeout | Self::Error)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Receives every event worth a metric. All methods do nothing unless overridden.
///
/// They are called on the path of the request, some of them from `Drop`, and never under a lock of
/// this crate: they must be quick, must not block and must not panic. Every label is `'static` or
/// from a bounded set, except a breaker's name, of which a [`Breakers`](crate::Breakers) registry
/// bounds the number.
pub trait Observer: Send + Sync {
    /// The breaker of a node went into another state.
    fn breaker_moved(&self, breaker: &str, to: State) {
        let _ = (breaker, to);
    }

    /// The breaker of a node is gone: forgotten by its registry, and held by nobody. Another one of the
    /// same name may live on, and tells its next transition.
    fn breaker_gone(&self, breaker: &str) {
        let _ = breaker;
    }

    /// A chain went past `source`, or took only part of an answer from it.
    fn fallback_taken(&self, chain: &'static str, source: &'static str, reason: Reason) {
        let _ = (chain, source, reason);
    }

    /// A best-effort delivery to `sink` was not confirmed.
    fn delivery_missed(&self, sink: &'static str, reason: Reason) {
        let _ = (sink, reason);
    }

    /// A retry was made on this budget.
    fn retried(&self, budget: &'static str) {
        let _ = budget;
    }

    /// A retry was wanted, but the budget was spent.
    fn retry_refused(&self, budget: &'static str) {
        let _ = budget;
    }

    /// A bulkhead had no place for a call.
    fn bulkhead_refused(&self, bulkhead: &'static str) {
        let _ = bulkhead;
    }
}

/// The observer of those who do not look.
impl Observer for () {}
