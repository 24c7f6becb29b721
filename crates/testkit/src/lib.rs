//! What the tests of every crate share: backends in memory, injected faults and time.
//!
//! | need | module |
//! |---|---|
//! | a backend for the tests of a service | [`memory`] |
//! | a backend that fails, hangs, is slow or loses its answer | [`faulty`] |
//! | a clock that a test sets | [`clock`] |
//!
//! Nothing here is part of a product: a check that fails panics, as tests do.

pub mod clock;
pub mod faulty;
pub mod memory;

pub use clock::ManualClock;
pub use faulty::{Call, Faults, Faulty};
pub use memory::{MemoryIndex, MemoryLive, MemoryLog, MemoryTruth};
