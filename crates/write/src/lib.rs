//! What the reaction-write service does, over ports only: which backends stand behind them, it
//! does not know.
//!
//! A reaction is applied to the truth; then, in parallel and for a bounded time, every sink is
//! told the new absolute state. Only the truth may fail the write (law 3).
//!
//! | question | file |
//! |---|---|
//! | in which order does a write happen? | `service.rs` |
//! | what happens when a sink is slow or gone? | `delivery.rs` |
//! | which requests are there? | `routes.rs` |

mod delivery;
mod routes;
mod service;
mod settings;

pub use delivery::{Deliveries, LiveSink, LogSink, OutageJournal, Sink};
pub use routes::routes;
pub use service::{Draft, WriteError, WriteService};
pub use settings::WriteSettings;
