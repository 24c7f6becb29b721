//! Likes straight into the embedded backends, with many callers waiting at once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kudos_core::ports::ReactionStore;
use kudos_core::{Clock, SystemClock};
use kudos_embedded::{Embedded, Options, Store};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::likes::{Likes, post_id};

/// Callers that wait for their acknowledgement at any moment.
const IN_FLIGHT: u64 = 1024;

/// Open backends and the runtime that calls them.
pub(crate) struct Likers {
    runtime: Runtime,
    backends: Embedded,
}

impl Likers {
    /// Opens the backends in `folder` with the product's defaults.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let backends = Embedded::open(folder, &Options::default(), Arc::new(SystemClock))?;
        Ok(Self { runtime, backends })
    }

    /// Sends `count` likes from number `first` on, and returns the time until the last one was
    /// acknowledged.
    pub(crate) fn send(&self, likes: Likes, first: u64, count: u64) -> Result<Duration, Error> {
        let next = Arc::new(AtomicU64::new(first));
        let begun = Instant::now();
        self.runtime.block_on(async {
            let mut callers = JoinSet::new();
            for _ in 0..IN_FLIGHT {
                let store = Arc::clone(&self.backends.store);
                callers.spawn(call(store, likes, Arc::clone(&next), first + count));
            }
            while let Some(ended) = callers.join_next().await {
                ended??;
            }
            Ok::<(), Error>(())
        })?;
        Ok(begun.elapsed())
    }

    /// All reactions on the posts of `likes`, as the backends count them.
    pub(crate) fn counted(&self, likes: Likes) -> u64 {
        (0..likes.posts)
            .map(|post| self.backends.board.total(post_id(post).as_str()))
            .sum()
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
        store
            .apply(likes.operation(number, SystemClock.now()))
            .await?;
    }
}
