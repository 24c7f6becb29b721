//! Posts and reactions that look real, for trying Kudos out: made from a number, so that the same
//! seed can be written again, and nothing changes. Who writes them where is the caller's affair.
//!
//! | question | file |
//! |---|---|
//! | who reacts to what, and when? | `plan.rs` |
//! | what do posts say? | `text.rs`, `topics.rs` |

mod plan;
mod text;
mod topics;

pub use plan::{Plan, Reaction, Seed};
