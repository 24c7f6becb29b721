//! What a backend promises. Each port has a contract suite in `kudos-testkit` that every backend
//! passes, embedded or remote.

mod change_feed;
mod completeness;
mod event_log;
mod holdings;
mod leases;
mod live_counts;
mod marks;
mod outage;
mod post_index;
mod post_store;
mod projection;
mod reaction_store;
mod snapshots;

pub use change_feed::{ChangeFeed, Record};
pub use completeness::{Completeness, Loss};
pub use event_log::{
    EventLog, LogError, LogPage, MAX_PARTITIONS, Position, PositionError, TimedLog,
};
pub use holdings::{HeldPage, Holdings, WalkCursor};
pub use leases::Leases;
pub use live_counts::{LiveCounts, LiveEntry};
pub use marks::{Believed, Exchange, Found, Mark, Marks, Reach};
pub use outage::{DueWindow, OutageJournal, OutageWindows, Ticket};
pub use post_index::{IndexHit, IndexOrder, IndexQuery, MAX_AMONG, PostIndex};
pub use post_store::{PostMeta, PostStore, Upserted};
pub use projection::{Projection, Put};
pub use reaction_store::{ReactionStore, Reactor, ReactorPage};
pub use snapshots::{ScanCursor, ScanPage, Share, Snapshots};
