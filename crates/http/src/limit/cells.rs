//! A fixed table of rate-limit states.

use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};

/// How many cells a limit has: 512 KiB of them.
pub const CELLS: usize = 1 << 16;

/// States by the hash of a client.
pub(super) struct Cells(Box<[InMemoryState]>);

impl Cells {
    pub(super) fn new() -> Self {
        Self((0..CELLS).map(|_| InMemoryState::default()).collect())
    }
}

impl StateStore for Cells {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, hash: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        // The table's length is a power of two, so the mask is in bounds; the cast keeps low bits.
        let cell = &self.0[*hash as usize & (CELLS - 1)];
        cell.measure_and_replace(&NotKeyed::NonKey, decide)
    }
}
