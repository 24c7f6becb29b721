//! Two instances that write the same post.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use kudos_cassandra::Store;
use kudos_core::ports::{ReactionStore, Snapshots};
use kudos_testkit::Scope;
use kudos_testkit::scope::{LIKE, LOVE};

use crate::server;

const CLIENTS: usize = 32;
const USERS: usize = 1500;

/// Likes of many users, to either writer; of ten operations three are sent again, to the other.
async fn crowd(writers: &[Arc<Store>; 2], scope: &Scope, users: usize) {
    let one = async |i: usize| {
        let (user, kind) = (format!("u{i:05}"), if i.is_multiple_of(2) { LIKE } else { LOVE });
        let op = scope.op("once", "p", &user, Some(kind));
        let first = writers[i % 2].apply(op.clone()).await.unwrap();
        assert!(!first.replayed);
        if i % 10 < 3 {
            let again = writers[(i + 1) % 2].apply(op).await.unwrap();
            assert!(again.replayed);
            assert_eq!(again.outcome, first.outcome);
        }
    };
    stream::iter(0..users).for_each_concurrent(CLIENTS, one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_on_one_post_count_exactly_and_do_not_hinder_each_other() {
    let (a, b, scope) = (server::connect().await, server::connect().await, Scope::new());
    let writers = [Arc::clone(&a.store), Arc::clone(&b.store)];
    let began = std::time::Instant::now();
    crowd(&writers, &scope, USERS).await;
    let took = began.elapsed();
    let post = scope.post("p");
    let snapshot = a.store.snapshots(std::slice::from_ref(&post)).await.unwrap().remove(0).unwrap();
    let half = USERS as u64 / 2;
    assert_eq!(snapshot.state.counts.as_slice(), [half, half]);
    assert_eq!(snapshot.state.version.0, USERS as u64);
    assert_eq!(b.store.recount(&post).await.unwrap(), snapshot.state.counts);
    let counts = writers.each_ref().map(|writer| writer.commit_counts());
    let sum = |of: fn(&kudos_cassandra::CommitCounts) -> u64| counts.iter().map(of).sum::<u64>();
    let (commits, writes) = (sum(|c| c.commits), sum(|c| c.conditional_writes));
    println!("{took:?}, {commits} commits, {writes} conditional writes: {counts:?}");
    assert!(writes <= 2 * commits, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_operation_sent_to_both_writers_at_once_is_applied_once() {
    let (a, b, scope) = (server::connect().await, server::connect().await, Scope::new());
    for i in 0..20 {
        let op = scope.op("once", &format!("p{i}"), "u", Some(LIKE));
        let (first, second) = tokio::join!(a.store.apply(op.clone()), b.store.apply(op));
        let (first, second) = (first.unwrap(), second.unwrap());
        // Which of them wrote it cannot be told if the engine was too busy to answer in time.
        assert_eq!(first.outcome, second.outcome);
        assert_eq!((first.outcome.changed, first.outcome.counts.total()), (true, 1));
    }
}
