//! The rollup, and the whole truth that it is made of.

use kudos_core::ports::{PostStore, Projection, Put, ReactionStore, ScanPage, Share, Snapshots};
use kudos_core::{PostId, Snapshot};
use kudos_testkit::Scope;
use kudos_testkit::scope::{LIKE, LOVE};
use scylla::client::session::Session;

use crate::server;

/// Total and version of a post in the table of reports.
async fn rolled_up(session: &Session, post: &PostId) -> Option<(i64, i64)> {
    let select = "SELECT total_count, version FROM reaction_counts WHERE post_id = ?";
    let rows = session.query_unpaged(select, (post.as_str(),)).await.unwrap();
    rows.into_rows_result().unwrap().maybe_first_row().unwrap()
}

#[tokio::test]
async fn the_rollup_keeps_the_newest_snapshot_in_any_order() {
    let (cassandra, scope) = (server::connect().await, Scope::new());
    let session = server::raw(server::KEYSPACE).await;
    let (store, rollup, post) = (&cassandra.store, &cassandra.rollup, scope.post("p"));
    let mut history: Vec<Snapshot> = Vec::new();
    for (i, user) in ["u", "v", "w"].into_iter().enumerate() {
        store.apply(scope.op(&i.to_string(), "p", user, Some(LIKE))).await.unwrap();
        history.extend(store.snapshots(std::slice::from_ref(&post)).await.unwrap().remove(0));
    }
    for i in [1, 2, 0, 2, 1] {
        assert_eq!(rollup.put(&history[i..=i]).await, Ok(vec![Put::Held]));
    }
    assert_eq!(rolled_up(&session, &post).await, Some((3, 3)));
    let hidden = Snapshot { hidden: true, revision: history[2].revision + 1, ..history[2].clone() };
    for snapshot in [hidden.clone(), history[2].clone()] {
        rollup.put(&[snapshot]).await.unwrap();
    }
    assert_eq!(rolled_up(&session, &post).await, None);
    let shown = Snapshot { hidden: false, revision: hidden.revision + 1, ..hidden };
    rollup.put(&[shown]).await.unwrap();
    assert_eq!(rolled_up(&session, &post).await, Some((3, 3)));
}

#[tokio::test]
async fn a_snapshot_tells_text_visibility_and_counts() {
    let (cassandra, scope) = (server::connect().await, Scope::new());
    let store = &cassandra.store;
    let stored = scope.written("p", "title", 5);
    store.upsert(&stored).await.unwrap();
    store.apply(scope.op("a", "p", "u", Some(LOVE))).await.unwrap();
    store.hide(&stored.id).await.unwrap();
    let asked = [scope.post("none"), stored.id.clone()];
    let mut snapshots = store.snapshots(&asked).await.unwrap();
    let snapshot = snapshots.pop().unwrap().unwrap();
    assert_eq!(snapshots, [None]);
    assert_eq!((snapshot.post, snapshot.hidden), (stored, true));
    assert_eq!((snapshot.revision, snapshot.state.counts.as_slice()), (2, &[0, 1][..]));
}

#[tokio::test]
async fn a_scan_in_shares_finds_every_post_once() {
    let (cassandra, scope) = (server::connect().await, Scope::new());
    let store = &cassandra.store;
    for i in 0..30 {
        store.upsert(&scope.written(i, "post", i)).await.unwrap();
    }
    store.apply(scope.op("a", "reacted", "u", Some(LIKE))).await.unwrap();
    let mut found = Vec::new();
    for part in 0..3 {
        let mut after = None;
        loop {
            let share = Share { part, of: 3 };
            let ScanPage { snapshots, next } = store.scan(share, after.as_ref(), 20).await.unwrap();
            let posts = snapshots.into_iter().map(|snapshot| snapshot.post.id);
            found.extend(posts.filter(|post| scope.owns(post)));
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    found.sort();
    let mut all: Vec<_> = (0..30).map(|i| scope.post(i)).collect();
    all.push(scope.post("reacted"));
    all.sort();
    assert_eq!(found, all);
}
