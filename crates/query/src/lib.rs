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
//! | what is kept in memory, and how is it kept right? | `cached_posts.rs`, `follow.rs` |
//! | which requests are there? | `routes/` |

mod answers;
mod cached_posts;
mod counts;
mod events;
mod follow;
mod routes;
mod search;
mod service;
mod settings;

pub use cached_posts::CachedPosts;
pub use events::EventHub;
pub use follow::{Follower, Newest, Recent};
pub use routes::{Queries, openapi, routes};
pub use search::{SearchPage, SearchRequest, Sort};
pub use service::{Mend, QueryError, QueryService, Sources};
pub use settings::QuerySettings;
