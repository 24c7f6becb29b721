//! What the search service does, over ports only: counts, who reacted, search and live events.
//!
//! Every read has a deadline and a chain of sources, and its answer says which one it comes from
//! (law 4).
//!
//! | question | file |
//! |---|---|
//! | where do counts come from? | `counts.rs` |
//! | how is a search ranked, and what if a source is out? | `search/ranking.rs` |
//! | how does a page continue while counts change? | `search/walk.rs` |
//! | how do live counts reach a page? | `events.rs` |
//! | which requests are there? | `routes/` |

mod counts;
mod events;
mod routes;
mod search;
mod service;
mod settings;

pub use events::EventHub;
pub use routes::{Queries, routes};
pub use search::{SearchPage, SearchRequest, Sort};
pub use service::{QueryError, QueryService, Sources};
pub use settings::QuerySettings;
