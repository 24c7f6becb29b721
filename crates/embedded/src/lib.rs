//! Every port of Kudos on one machine, with no server beside it.
//!
//! [`Embedded::open`] gives the durable store ([`Store`]: reactions, posts, event log), counts
//! and ranks in memory ([`Board`]) and the full-text index. They differ from the distributed
//! backends in one way that simplifies much: the commit that makes a reaction durable also writes
//! its event, so there is no sink that could miss it.

mod board;
mod options;
mod store;

pub use board::Board;
pub use options::{OpenError, Options};
pub use store::Store;
