//! What the projector waits for: each call bounded, none of them holding another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use kudos_core::ports::{ChangeFeed, Projection, Put, Record, Snapshots};
use kudos_core::{PortError, PostId, PostState, Snapshot};
use kudos_degraded::Deadline;

/// Which lane wants which posts.
pub(super) type Wanted = Vec<(usize, Vec<PostId>)>;

/// A flight that has landed.
pub(super) enum Landing {
    /// Posts were read for some lanes.
    Read(Wanted, Result<HashMap<PostId, Snapshot>, PortError>),
    /// Posts in these states were put into the projection of a lane.
    Put(usize, Vec<PostState>, Result<Vec<Put>, PortError>),
    /// Offsets were committed.
    Committed(Vec<(u32, u64)>, Result<(), PortError>),
    /// A record was set aside: the one of this key.
    SetAside((u64, usize), Result<(), PortError>),
}

/// A call on its way.
pub(super) type Flight = BoxFuture<'static, Landing>;

/// Reads what some lanes want, each post once.
pub(super) fn read(truth: Arc<dyn Snapshots>, wanted: Wanted, limit: Duration) -> Flight {
    Box::pin(async move {
        let mut posts: Vec<_> = wanted.iter().flat_map(|(_, posts)| posts).cloned().collect();
        posts.sort_unstable();
        posts.dedup();
        let read = within(limit, truth.snapshots(&posts)).await;
        let by_post = |snapshots: Vec<Option<Snapshot>>| {
            let known = snapshots.into_iter().flatten();
            known.map(|snapshot| (snapshot.post.id.clone(), snapshot)).collect()
        };
        Landing::Read(wanted, read.map(by_post))
    })
}

/// Puts snapshots into the projection of a lane.
pub(super) fn put(
    lane: usize,
    projection: Arc<dyn Projection>,
    snapshots: Vec<Snapshot>,
    limit: Duration,
) -> Flight {
    Box::pin(async move {
        let put = within(limit, projection.put(&snapshots)).await;
        let answered = put.and_then(|puts| match puts.len() == snapshots.len() {
            true => Ok(puts),
            false => Err(PortError::Corrupt("an answer for each snapshot was expected".into())),
        });
        let states = snapshots.into_iter().map(|snapshot| snapshot.state).collect();
        Landing::Put(lane, states, answered)
    })
}

pub(super) fn commit(
    feed: Arc<dyn ChangeFeed>,
    offsets: Vec<(u32, u64)>,
    limit: Duration,
) -> Flight {
    Box::pin(async move {
        let committed = within(limit, feed.commit(&offsets)).await;
        Landing::Committed(offsets, committed)
    })
}

pub(super) fn set_aside(
    feed: Arc<dyn ChangeFeed>,
    key: (u64, usize),
    record: Record,
    reason: String,
    limit: Duration,
) -> Flight {
    Box::pin(async move {
        Landing::SetAside(key, within(limit, feed.set_aside(&record, &reason)).await)
    })
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, PortError>>,
) -> Result<T, PortError> {
    Deadline::after(limit).run(call).await.unwrap_or(Err(PortError::Timeout))
}
