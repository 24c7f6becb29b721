//! How a change reaches the copies of the truth, over ports only.
//!
//! A writer tells its sinks at once, at best effort, under the cover of the outage journal. What a
//! sink missed is delivered later from the truth itself. Everything that travels is absolute and
//! versioned, so it may come twice, late, or out of order.
//!
//! | question | file |
//! |---|---|
//! | what is told to whom? | `sink.rs` |
//! | what happens when a sink is slow or gone? | `deliveries.rs` |

mod deliveries;
mod sink;

pub use deliveries::{Covered, Deliveries};
pub use sink::{LiveSink, LogSink, Sink};
