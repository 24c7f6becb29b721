//! What a backend promises. Each port has a contract suite in `kudos-testkit` that every backend
//! passes, embedded or remote.

mod event_log;
mod live_counts;
mod post_index;
mod post_store;
mod reaction_store;

pub use event_log::{EventLog, LogError, LogPage, MAX_PARTITIONS, Position, PositionError};
pub use live_counts::LiveCounts;
pub use post_index::{IndexHit, IndexOrder, IndexQuery, PostIndex};
pub use post_store::{PostMeta, PostStore, Upserted};
pub use reaction_store::{ReactionStore, Reactor, ReactorPage};
