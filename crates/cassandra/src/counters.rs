//! How commits go, for tests and for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;

/// What the commits of a store did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CommitCounts {
    /// Batches that were committed.
    pub commits: u64,
    /// Operations in them.
    pub operations: u64,
    /// Conditional writes that were sent for them, also those that lost and those in doubt.
    pub conditional_writes: u64,
    /// Conditional writes that came too late: another commit was first.
    pub lost: u64,
    /// Conditional writes of which the outcome had to be looked up.
    pub in_doubt: u64,
}

pub(crate) struct Counters {
    commits: AtomicU64,
    operations: AtomicU64,
    lost: AtomicU64,
    in_doubt: AtomicU64,
    conditional_writes: AtomicU64,
    writes_metric: Counter<u64>,
    operations_metric: Counter<u64>,
}

impl Counters {
    pub(crate) fn new() -> Self {
        let meter = opentelemetry::global::meter("kudos");
        let writes = meter.u64_counter("kudos_cassandra_conditional_writes");
        let operations = meter.u64_counter("kudos_cassandra_committed_operations");
        Self {
            commits: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            in_doubt: AtomicU64::new(0),
            conditional_writes: AtomicU64::new(0),
            writes_metric: writes
                .with_description("Conditional writes of reactions, by what came of them")
                .build(),
            operations_metric: operations
                .with_description("Operations in committed batches")
                .build(),
        }
    }

    pub(crate) fn committed(&self, operations: usize) {
        let operations = u64::try_from(operations).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.operations.fetch_add(operations, Ordering::Relaxed);
        self.operations_metric.add(operations, &[]);
        self.wrote("applied");
    }

    pub(crate) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        self.wrote("lost");
    }

    pub(crate) fn in_doubt(&self) {
        self.in_doubt.fetch_add(1, Ordering::Relaxed);
        self.wrote("in_doubt");
    }

    fn wrote(&self, outcome: &'static str) {
        self.conditional_writes.fetch_add(1, Ordering::Relaxed);
        self.writes_metric.add(1, &[KeyValue::new("outcome", outcome)]);
    }

    pub(crate) fn counts(&self) -> CommitCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CommitCounts {
            commits: of(&self.commits),
            operations: of(&self.operations),
            conditional_writes: of(&self.conditional_writes),
            lost: of(&self.lost),
            in_doubt: of(&self.in_doubt),
        }
    }
}
