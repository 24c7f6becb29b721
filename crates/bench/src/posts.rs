//! The posts that all measurements react to.

use std::sync::Arc;

use kudos_core::ports::PostStore;
use kudos_core::{Clock, Millis, Post, SystemClock};
use kudos_embedded::Store;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::likes::post_id;

/// Posts whose storing is awaited at any moment.
const AT_ONCE: usize = 1024;
const YEAR_MS: u64 = 365 * 24 * 3_600_000;

/// Stores the posts number 0 to `count`, the first one of now, the last one a year old.
pub(crate) async fn store(store: &Arc<Store>, count: u64) -> Result<(), Error> {
    let newest = SystemClock.now();
    let mut storing = JoinSet::new();
    for number in 0..count {
        let (store, post) = (Arc::clone(store), of(number, count, newest));
        storing.spawn(async move { store.upsert(&post).await });
        if storing.len() == AT_ONCE
            && let Some(stored) = storing.join_next().await
        {
            stored??;
        }
    }
    while let Some(stored) = storing.join_next().await {
        stored??;
    }
    Ok(())
}

fn of(number: u64, count: u64, newest: Millis) -> Post {
    Post {
        id: post_id(number),
        title: format!("Post number {number}"),
        body: String::new(),
        author: "bench".into(),
        created_at: Millis(newest.0 - YEAR_MS / count * number),
    }
}
