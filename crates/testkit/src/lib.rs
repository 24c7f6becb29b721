//! What the tests of every crate share: one contract suite per port, the model to check against,
//! backends in memory, injected faults and time.
//!
//! | need | module |
//! |---|---|
//! | to prove that a backend keeps a port's promises | [`contract`] |
//! | to know what the truth must be after a history | [`model`], [`history`] |
//! | a backend for the tests of a service | [`memory`] |
//! | a backend that fails, hangs, is slow or loses its answer | [`faulty`] |
//! | a clock that a test sets, or that goes as its timers do | [`clock`] |
//! | to drive a workload, and say whether every copy is exact | [`checker`] |
//!
//! Nothing here is part of a product: a check that fails panics, as tests do. The suites are
//! tested themselves, on stores that are broken on purpose.
//!
//! A backend plugs in by saying how it is opened and which ports it has; each check of a suite
//! becomes one test, named as a sentence:
//!
//! ```
//! use std::sync::Arc;
//!
//! use kudos_core::ports::ReactionStore;
//! use kudos_testkit::MemoryTruth;
//! use kudos_testkit::contract::{Backend, HasReactions};
//!
//! struct InMemory(Arc<MemoryTruth>);
//!
//! impl Backend for InMemory {
//!     async fn open() -> Self {
//!         Self(Arc::default())
//!     }
//! }
//!
//! impl HasReactions for InMemory {
//!     fn reactions(&self) -> Arc<dyn ReactionStore> {
//!         self.0.clone()
//!     }
//! }
//!
//! mod reaction_store {
//!     use super::InMemory;
//!     kudos_testkit::reaction_store_contract!(InMemory);
//! }
//! # fn main() {}
//! ```

pub mod checker;
pub mod clock;
pub mod contract;
pub mod faulty;
pub mod history;
pub mod memory;
pub mod model;
pub mod scope;

pub use clock::{ManualClock, TokioClock};
pub use faulty::{Call, Faults, Faulty};
pub use history::{History, Shape, Step};
pub use memory::{
    MemoryFeed, MemoryIndex, MemoryJournal, MemoryLeases, MemoryLive, MemoryLog, MemoryMirror,
    MemoryProjection, MemoryTopic, MemoryTruth, WithRows,
};
pub use model::Model;
pub use scope::Scope;
