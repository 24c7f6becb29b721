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
//!
//! The checks use names of their own ([`Scope`](crate::Scope)), so that many can run against one
//! shared server; such a backend says so with [`Backend::SHARED`].

pub mod event_log;
pub mod live_counts;
pub mod post_index;
pub mod post_store;
pub mod reaction_history;
pub mod reaction_store;
mod support;
pub mod truth;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{EventLog, LiveCounts, Position, PostIndex, PostStore, ReactionStore};
use kudos_core::{Operation, Post, PostId};

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
        include_str!("event_log.rs"),
        include_str!("live_counts.rs"),
        include_str!("post_index.rs"),
        include_str!("post_store.rs"),
        include_str!("reaction_history.rs"),
        include_str!("reaction_store.rs"),
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
