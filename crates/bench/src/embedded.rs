//! Likes straight into the embedded backends, with many callers waiting at once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kudos_core::ports::{PostIndex, ReactionStore};
use kudos_core::{Clock, SystemClock};
use kudos_embedded::{Embedded, Options, Store};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::likes::{Likes, post_id};
use crate::posts;

/// Callers that wait for their acknowledgement at any moment, unless told otherwise.
pub(crate) const IN_FLIGHT: u64 = 1024;

/// Open backends and the runtime that calls them.
pub(crate) struct Likers {
    runtime: Runtime,
    backends: Embedded,
}

impl Likers {
    /// Opens the backends in `folder` with the product's defaults.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let backends = Embedded::open(folder, &Options::default(), Arc::new(SystemClock))?;
        Ok(Self { runtime, backends })
    }

    /// As [`send_from`](Self::send_from), with the usual [`IN_FLIGHT`] callers.
    pub(crate) fn send(&self, likes: Likes, first: u64, count: u64) -> Result<Duration, Error> {
        self.send_from(IN_FLIGHT, likes, first, count)
    }

    /// Sends `count` likes from number `first` on, from `callers` at once, and returns the time
    /// until the last one was acknowledged.
    pub(crate) fn send_from(
        &self,
        callers: u64,
        likes: Likes,
        first: u64,
        count: u64,
    ) -> Result<Duration, Error> {
        let next = Arc::new(AtomicU64::new(first));
        let begun = Instant::now();
        self.runtime.block_on(async {
            let mut calls = JoinSet::new();
            for _ in 0..callers {
                let store = Arc::clone(&self.backends.store);
                calls.spawn(call(store, likes, Arc::clone(&next), first + count));
            }
            while let Some(ended) = calls.join_next().await {
                ended??;
            }
            Ok::<(), Error>(())
        })?;
        Ok(begun.elapsed())
    }

    /// What the calls run on.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// What is called.
    pub(crate) fn backends(&self) -> &Embedded {
        &self.backends
    }

    /// Stores the posts number 0 to `count`, spread over the last year, and waits for the text
    /// index to hold them: what it does in the background would count as the cost of others.
    pub(crate) fn store_posts(&self, count: u64) -> Result<(), Error> {
        self.runtime.block_on(async {
            posts::store(&self.backends.store, count).await?;
            Ok(self.backends.index.refresh().await?)
        })
    }

    /// All reactions on the posts of `likes`, as the backends count them.
    pub(crate) fn counted(&self, likes: Likes) -> u64 {
        likes.numbers().map(|post| self.backends.board.total(post_id(post).as_str())).sum()
    }
}

async fn call(
    store: Arc<Store>,
    likes: Likes,
    next: Arc<AtomicU64>,
    end: u64,
) -> Result<(), Error> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            return Ok(());
        }
        store.apply(likes.operation(number, SystemClock.now())).await?;
    }
}
