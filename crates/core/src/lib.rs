//! The rules of Kudos, without any I/O: identifiers, reaction kinds, exact counts, operations and
//! their idempotency, versions and how they merge, the popular order and its windows, and the
//! ports behind which every backend stands.
//!
//! Where to look:
//!
//! | question | module |
//! |---|---|
//! | what is a valid post, user or kind? | [`id`], [`kind`] |
//! | when does an operation change something, and what does a retry answer? | [`operation`], [`row`] |
//! | what travels to projections, and which copy wins? | [`change`] |
//! | what is "popular", exactly? | [`rank`] |
//! | what does a backend promise? | [`ports`] |

pub mod change;
pub mod counts;
pub mod error;
pub mod id;
pub mod kind;
pub mod operation;
pub mod ports;
pub mod post;
pub mod rank;
pub mod row;
pub mod snapshot;
pub mod time;

pub use change::{Change, PostState, UserChange, Version};
pub use counts::Counts;
pub use error::{ApplyError, PortError};
pub use id::{IdError, PostId, UserId};
pub use kind::{Kind, Kinds, KindsError};
pub use operation::{Applied, OpId, Operation, Outcome};
pub use post::Post;
pub use rank::{RankEntry, TimeKey, Window};
pub use row::{Decision, UserRow};
pub use snapshot::Snapshot;
pub use time::{Clock, Millis, SystemClock};
