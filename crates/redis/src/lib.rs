//! Live counts on Redis: a hash per post, and sorted sets of posts by reactions and by time, on one
//! server or on a cluster, by the same code.
//!
//! Every copy is absolute and has a version, so that whatever is delivered twice, late or out of
//! order changes nothing. What runs inside of Redis is `migrations/redis/kudos.lua`.
//!
//! | question | file |
//! |---|---|
//! | what is in which key? | `keys.rs`, `hash.rs`, `score.rs`, `windows.rs`, and the library's head |
//! | how do ranks follow hashes, which are on other nodes? | `merge.rs` |
//! | how are whole posts told again in few round trips? | `restate.rs` |
//! | how is a top list read, windows, shards and ties included? | `top.rs` |
//! | how does an emptied order not look like an empty one? | `complete.rs`, `orders.rs` |
//! | what is compared with the truth, and mended by hand? | `mirror/` |
//! | how are writes noticed that a failover lost? | `marks.rs` |
//! | who serves a slot, and how is that noticed? | `topology.rs`, `cluster.rs` |
//! | what happens on MOVED, ASK, OOM and their like? | `verdict.rs` (what), `router.rs` (how) |
//! | how does a node that hangs stay one node that hangs? | `node.rs` |
//! | what if the settings do not fit the servers? | `check.rs`, `server.rs` |
//! | what is wrong with my servers, and what has to be done? | [`examine`], `examine/` |
//! | how are the servers, in figures? | `monitor/` |
//!
//! Commands are routed here and not by the client crate's own cluster connection: that one waits
//! for minutes when a master stops answering without closing its connections.
//!
//! Users of a Redis with access control are in `deploy/redis/users.acl`: `kudos-writer` for
//! reaction-write and projectors, `kudos-reader` for search, `kudos-admin` for the migration and
//! the operator's tool, `kudos-replica` for the servers themselves (`masteruser`). None has a
//! password until one is set (`ACL SETUSER kudos-writer '>…'`), so nobody gets in by default. With
//! a `prefix`, their key patterns have to begin with it.
//!
//! What it costs: a like is one round trip to merge it, one to rank it, and one to see that nothing
//! has changed meanwhile (the last two are one on a single server). A top list is one round trip; on
//! a cluster without shards a second one reads the creation times of posts with more than 2,047
//! reactions.

mod check;
mod cluster;
mod complete;
mod connect;
mod examine;
mod failure;
mod hash;
mod keys;
mod library;
mod live;
mod marks;
mod merge;
mod mirror;
mod monitor;
mod node;
mod orders;
mod placing;
mod restate;
mod router;
mod score;
mod server;
mod settings;
mod slot;
mod top;
mod topology;
mod verdict;
mod windows;

pub use check::{CheckError, Migrated};
pub use complete::Load;
pub use examine::examine;
pub use library::{LIBRARY, LIBRARY_VERSION};
pub use live::RedisLive;
pub use mirror::{RedisHashes, RedisRanks};
pub use monitor::{Monitor, MonitorSettings};
pub use orders::Orders;
pub use settings::{Mode, ReadReplicas, RedisSettings};
pub use slot::{SLOTS, slot_of};
pub use topology::{Shard, Topology};
