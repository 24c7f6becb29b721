//! What the reaction-write service does, over ports only: which backends stand behind them, it
//! does not know.
//!
//! A reaction is applied to the truth under the cover of the outage journal; then, in parallel and
//! for a bounded time, every sink is told the new absolute state (`kudos-projection`). Only the
//! truth may fail the write (law 3).
//!
//! | question | file |
//! |---|---|
//! | in which order does a write happen? | `service.rs` |
//! | which requests are there? | `routes.rs` |

mod routes;
mod service;
mod settings;

pub use routes::{openapi, routes};
pub use service::{Draft, WriteError, WriteService};
pub use settings::WriteSettings;
