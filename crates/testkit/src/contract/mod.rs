//! One suite per port. A suite is a list of checks, each an async function over a backend; a
//! macro per suite makes each check one test of the backend's test binary.
//!
//! | macro | the backend has |
//! |---|---|
//! | [`reaction_store_contract!`](crate::reaction_store_contract) | [`HasReactions`] |
//! | [`post_store_contract!`](crate::post_store_contract) | [`HasPosts`] |
//! | [`truth_contract!`](crate::truth_contract) | [`HasReactions`] and [`HasPosts`] |
//! | [`live_counts_contract!`](crate::live_counts_contract) | [`HasLive`] |
//! | [`event_log_contract!`](crate::event_log_contract) | [`HasLog`] |
//! | [`post_index_contract!`](crate::post_index_contract) | [`HasIndex`] |
//! | [`snapshots_contract!`](crate::snapshots_contract) | [`HasSnapshots`] |
//! | [`projection_contract!`](crate::projection_contract) | [`HasProjection`] |
//! | [`outage_contract!`](crate::outage_contract) | [`HasJournal`] |
//! | [`leases_contract!`](crate::leases_contract) | [`HasLeases`] |
//! | [`change_feed_contract!`](crate::change_feed_contract) | [`HasFeed`] |
//!
//! The checks use names of their own ([`Scope`]), so that many can run against one
//! shared server; such a backend says so with [`Backend::SHARED`].

pub mod change_feed;
pub mod event_log;
pub mod leases;
pub mod live_counts;
pub mod outage;
pub mod post_index;
pub mod post_store;
pub mod projection;
pub mod reaction_history;
pub mod reaction_store;
pub mod snapshots;
mod support;
pub mod truth;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{
    ChangeFeed, EventLog, Leases, LiveCounts, OutageJournal, OutageWindows, Position, PostIndex,
    PostStore, Projection, ReactionStore, Record, Snapshots,
};
use kudos_core::{Change, Counts, Operation, Post, PostId};

use crate::scope::Scope;

/// How long a check may take before it counts as failed.
const LIMIT: Duration = Duration::from_secs(120);

/// How a backend under test is started.
pub trait Backend: Sized + Send + Sync + 'static {
    /// Whether others use the same backend at the same time. Otherwise [`open`](Self::open) is
    /// empty, and lists that span all posts are checked to their limit.
    const SHARED: bool = false;

    /// Starts the backend.
    fn open() -> impl Future<Output = Self> + Send;

    /// Ends the backend as hard as it can be ended, and starts it on the same data. No check
    /// holds a port meanwhile. A backend without durable data stays as it is.
    fn restart(self) -> impl Future<Output = Self> + Send {
        async { self }
    }
}

/// A backend of the truth.
pub trait HasReactions: Backend {
    /// The port.
    fn reactions(&self) -> Arc<dyn ReactionStore>;
}

/// A backend of the live projection.
pub trait HasLive: Backend {
    /// The port.
    fn live(&self) -> Arc<dyn LiveCounts>;
}

/// A backend of the log.
pub trait HasLog: Backend {
    /// The port.
    fn log(&self) -> Arc<dyn EventLog>;

    /// Applies an operation, so that its change is in the log when this returns: either because
    /// the store writes it there, or by publishing it.
    fn commit(&self, op: Operation) -> impl Future<Output = ()> + Send;

    /// Makes the log forget the changes right behind `position`, by whatever bounds it. False if
    /// that cannot be done: then the check is left out.
    fn trim(&self, position: &Position) -> impl Future<Output = bool> + Send {
        let _ = position;
        async { false }
    }
}

/// A backend of the posts.
pub trait HasPosts: Backend {
    /// The port.
    fn posts(&self) -> Arc<dyn PostStore>;
}

/// A backend of the text search.
pub trait HasIndex: Backend {
    /// The port.
    fn index(&self) -> Arc<dyn PostIndex>;

    /// Adds posts, or replaces them whole.
    fn put(&self, posts: &[Post]) -> impl Future<Output = ()> + Send;

    /// Takes posts out.
    fn remove(&self, posts: &[PostId]) -> impl Future<Output = ()> + Send;

    /// Lets the index know how many reactions posts have. False if that cannot be done: then the
    /// popular order is left out.
    fn set_totals(&self, totals: &[(PostId, u64)]) -> impl Future<Output = bool> + Send {
        let _ = totals;
        async { false }
    }
}

/// A backend of whole posts.
pub trait HasSnapshots: HasPosts + HasReactions {
    /// The port.
    fn snapshots(&self) -> Arc<dyn Snapshots>;
}

/// What a projection shows of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its counts.
    pub counts: Counts,
    /// Its title, if the projection keeps texts.
    pub title: Option<String>,
}

/// A backend of a projection.
pub trait HasProjection: Backend {
    /// The port.
    fn projection(&self) -> Arc<dyn Projection>;

    /// What is shown of a post after everything that was put: nothing if it is hidden or was never
    /// put.
    fn shown(&self, post: &PostId) -> impl Future<Output = Option<Shown>> + Send;
}

/// A backend of the outage journal, with one writer.
pub trait HasJournal: Backend {
    /// The writer's port.
    fn journal(&self) -> Arc<dyn OutageJournal>;

    /// The sweeper's port.
    fn windows(&self) -> Arc<dyn OutageWindows>;

    /// Ends the present window, and lets the writer close what can be closed. Returns when it is
    /// durable.
    fn close(&self) -> impl Future<Output = ()> + Send;

    /// Kills the writer with all that it remembers, lets time pass until that is noticed, and
    /// starts another. No check holds a port meanwhile.
    fn crash(self) -> impl Future<Output = Self> + Send;
}

/// A backend of leases.
pub trait HasLeases: Backend {
    /// The port.
    fn leases(&self) -> Arc<dyn Leases>;
}

/// A backend of a feed: each [`open`](Backend::open) has a group of its own, which is fed all that
/// is published from then on.
pub trait HasFeed: Backend {
    /// Another instance of the group. Returns when it takes part.
    fn join(&self) -> impl Future<Output = Arc<dyn ChangeFeed>> + Send;

    /// Ends an instance as hard as it can be ended. Returns when the group has noticed.
    fn kill(&self, feed: Arc<dyn ChangeFeed>) -> impl Future<Output = ()> + Send;

    /// Puts a change into the log.
    fn publish(&self, change: &Change) -> impl Future<Output = ()> + Send;

    /// Puts something into the log that is no change, where the group is fed it. False if that
    /// cannot be done: then the check is left out.
    fn poison(&self, scope: &Scope) -> impl Future<Output = bool> + Send {
        let _ = scope;
        async { false }
    }

    /// Whether a record is where a person can look at it.
    fn is_aside(&self, record: &Record) -> impl Future<Output = bool> + Send {
        let _ = record;
        async { true }
    }
}

/// Runs a check on a runtime of its own, on several threads, and fails it when it hangs.
pub fn run(check: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a test can start threads");
    let checked = runtime.block_on(async { tokio::time::timeout(LIMIT, check).await });
    assert!(checked.is_ok(), "not done within {LIMIT:?}");
}

/// Makes a test of each check. Called by the macros of the suites.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_check {
    ($backend:ty, $suite:ident: $($check:ident),+ $(,)?) => {$(
        #[test]
        fn $check() {
            $crate::contract::run($crate::contract::$suite::$check::<$backend>());
        }
    )+};
}

#[cfg(test)]
mod tests {
    const SUITES: &str = concat!(
        include_str!("change_feed.rs"),
        include_str!("event_log.rs"),
        include_str!("leases.rs"),
        include_str!("live_counts.rs"),
        include_str!("outage.rs"),
        include_str!("post_index.rs"),
        include_str!("post_store.rs"),
        include_str!("projection.rs"),
        include_str!("reaction_history.rs"),
        include_str!("reaction_store.rs"),
        include_str!("snapshots.rs"),
        include_str!("truth.rs"),
    );

    #[test]
    fn every_check_is_listed_by_a_macro() {
        let checks = SUITES.lines().filter_map(|line| {
            let check = line.strip_prefix("pub async fn ")?;
            check.split('<').next()
        });
        let listed = |check: &str| SUITES.lines().any(|line| line.trim() == format!("{check},"));
        let (listed, forgotten): (Vec<_>, Vec<_>) = checks.partition(|check| listed(check));
        assert!(listed.len() > 50);
        assert_eq!(forgotten, Vec::<&str>::new());
    }
}
