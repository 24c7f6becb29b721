//! The promises of [`Projection`], one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use kudos_core::ports::{Projection, Put};
use kudos_core::{Counts, Millis, Post, PostId, PostState, Snapshot, Version};
use proptest::prelude::*;

use super::HasProjection;
use super::support::for_all;
use crate::scope::{NOW, Scope};

/// Makes a test of each check of a projection; the backend has [`HasProjection`].
#[macro_export]
macro_rules! projection_contract {
    ($backend:ty) => {
        $crate::__each_check! { $backend, projection:
            what_is_put_is_shown,
            an_empty_put_is_taken,
            a_newer_snapshot_wins_and_an_older_one_is_ignored,
            any_order_and_repetition_of_snapshots_converges,
            several_snapshots_of_a_post_in_one_put_leave_the_newest,
            a_hidden_post_is_not_shown_until_it_is_stored_again,
            a_late_snapshot_does_not_show_a_hidden_post,
            a_post_that_was_never_stored_is_taken,
        }
    };
}

/// A post after `revision` stores and `version` changes.
fn snapshot(scope: &Scope, name: &str, revision: u64, version: u64) -> Snapshot {
    let post = Post {
        created_at: Millis(NOW.0 + revision),
        ..scope.written(name, &format!("edition {revision}"), 0)
    };
    let state = PostState {
        post: post.id.clone(),
        created_at: post.created_at,
        version: Version(version),
        counts: Counts::from_iter([version, 0, version % 3]),
        as_of: Millis(NOW.0 + version),
    };
    Snapshot { post, hidden: false, revision, state }
}

/// Puts snapshots that must be taken: again, as long as it is asked to.
async fn put(projection: &Arc<dyn Projection>, snapshots: &[Snapshot]) {
    let mut tries = 0;
    loop {
        tries += 1;
        assert!(tries <= 50, "the projection asks to put again and again");
        let puts = projection.put(snapshots).await.expect("the projection answers");
        assert_eq!(puts.len(), snapshots.len(), "an answer for each");
        let refused = puts.iter().find(|put| matches!(put, Put::Refused(_)));
        assert_eq!(refused, None);
        if puts.iter().all(|put| *put == Put::Held) {
            return;
        }
    }
}

/// What is shown of a post: its counts.
async fn counts<B: HasProjection>(backend: &B, post: &PostId) -> Option<Vec<u64>> {
    backend.shown(post).await.map(|shown| shown.counts.as_slice().to_vec())
}

async fn assert_shown<B: HasProjection>(backend: &B, snapshot: &Snapshot) {
    let shown = backend.shown(&snapshot.post.id).await.expect("the post is shown");
    assert_eq!(shown.counts, snapshot.state.counts);
    if let Some(title) = shown.title {
        assert_eq!(title, snapshot.post.title);
    }
}

/// Two posts at once, and one that was never put.
pub async fn what_is_put_is_shown<B: HasProjection>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let posts = [snapshot(&scope, "p", 1, 5), snapshot(&scope, "q", 2, 0)];
    put(&backend.projection(), &posts).await;
    for snapshot in &posts {
        assert_shown(&backend, snapshot).await;
    }
    assert_eq!(counts(&backend, &scope.post("none")).await, None);
}

/// Nothing to take over.
pub async fn an_empty_put_is_taken<B: HasProjection>() {
    let backend = B::open().await;
    assert_eq!(backend.projection().put(&[]).await, Ok(vec![]));
}

/// By its counts, by its text, and the same again.
pub async fn a_newer_snapshot_wins_and_an_older_one_is_ignored<B: HasProjection>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let projection = backend.projection();
    for ((revision, version), shown) in [
        ((1, 5), (1, 5)),
        ((1, 4), (1, 5)),
        ((1, 6), (1, 6)),
        ((2, 6), (2, 6)),
        ((1, 6), (2, 6)),
        ((2, 6), (2, 6)),
        ((1, 1), (2, 6)),
        ((2, 9), (2, 9)),
    ] {
        put(&projection, &[snapshot(&scope, "p", revision, version)]).await;
        assert_shown(&backend, &snapshot(&scope, "p", shown.0, shown.1)).await;
    }
}

/// Shuffled, repeated, with gaps, in batches of every size.
pub async fn any_order_and_repetition_of_snapshots_converges<B: HasProjection>() {
    let backend = B::open().await;
    let projection = backend.projection();
    let put_of = (0..4u8, 1..4u64, 0..8u64);
    let puts = prop::collection::vec(prop::collection::vec(put_of, 1..8), 1..8);
    for_all(16, puts, async |batches: Vec<Vec<(u8, u64, u64)>>| {
        let scope = Scope::new();
        let mut newest: BTreeMap<PostId, Snapshot> = BTreeMap::new();
        for batch in batches {
            // As in the truth, either number alone tells which is newer: both grow.
            let snapshots = batch.into_iter().map(|(post, revision, version)| {
                snapshot(&scope, &post.to_string(), revision, revision * 10 + version)
            });
            let snapshots: Vec<_> = snapshots.collect();
            put(&projection, &snapshots).await;
            for snapshot in snapshots {
                let held = newest.entry(snapshot.post.id.clone());
                let held = held.or_insert_with(|| snapshot.clone());
                if snapshot.version() > held.version() {
                    *held = snapshot;
                }
            }
        }
        for snapshot in newest.values() {
            assert_shown(&backend, snapshot).await;
        }
    });
}

/// The newest in the middle.
pub async fn several_snapshots_of_a_post_in_one_put_leave_the_newest<B: HasProjection>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let batch = [4, 7, 2, 7].map(|version| snapshot(&scope, "p", 1, version));
    put(&backend.projection(), &batch).await;
    assert_shown(&backend, &batch[1]).await;
}

/// Counts that change meanwhile do not bring it back.
pub async fn a_hidden_post_is_not_shown_until_it_is_stored_again<B: HasProjection>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let projection = backend.projection();
    put(&projection, &[snapshot(&scope, "p", 1, 3)]).await;
    for version in [3, 4] {
        let hidden = Snapshot { hidden: true, ..snapshot(&scope, "p", 2, version) };
        put(&projection, &[hidden]).await;
        assert_eq!(counts(&backend, &scope.post("p")).await, None);
    }
    let stored = snapshot(&scope, "p", 3, 4);
    put(&projection, std::slice::from_ref(&stored)).await;
    assert_shown(&backend, &stored).await;
}

/// Of before it was hidden.
pub async fn a_late_snapshot_does_not_show_a_hidden_post<B: HasProjection>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let projection = backend.projection();
    let hidden = Snapshot { hidden: true, ..snapshot(&scope, "p", 2, 3) };
    put(&projection, &[hidden]).await;
    put(&projection, &[snapshot(&scope, "p", 1, 3)]).await;
    assert_eq!(counts(&backend, &scope.post("p")).await, None);
}

/// Reacted to, without any text.
pub async fn a_post_that_was_never_stored_is_taken<B: HasProjection>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let mut untitled = snapshot(&scope, "p", 0, 2);
    let Post { title, body, author, .. } = &mut untitled.post;
    [title, body, author].into_iter().for_each(String::clear);
    put(&backend.projection(), std::slice::from_ref(&untitled)).await;
    put(&backend.projection(), &[snapshot(&scope, "p", 1, 2)]).await;
    assert_shown(&backend, &snapshot(&scope, "p", 1, 2)).await;
}
