//! Commits whose answers are lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use kudos_cassandra::CassandraSettings;
use kudos_core::ports::{ReactionStore, Snapshots};
use kudos_testkit::Scope;
use kudos_testkit::scope::{LIKE, LOVE};

use crate::proxy::{self, Faults};
use crate::server;

/// A store all of whose requests to one node pass the faults.
pub(crate) async fn behind(faults: &Arc<Faults>) -> CassandraSettings {
    let node = server::nodes().swap_remove(0);
    let address = proxy::in_front_of(&node, Arc::clone(faults)).await;
    CassandraSettings {
        contact_points: vec![address],
        request_timeout: Duration::from_millis(400),
        commit_timeout: Duration::from_secs(20),
        ..server::settings(server::KEYSPACE)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_looked_up_and_never_counted_twice() {
    let (faults, scope) = (Arc::new(Faults::default()), Scope::new());
    let cassandra = server::connect_to(&behind(&faults).await).await;
    let store = Arc::clone(&cassandra.store);
    faults.lose_reply_of_every.store(5, Ordering::Relaxed);
    // 16 clients, each with users of its own, on three posts; every third operation comes twice.
    let client = async |client: usize| {
        for i in 0..24 {
            let (user, post) = (format!("{client}-{}", i / 2), format!("p{}", client % 3));
            let want = if i % 2 == 0 { LIKE } else { LOVE };
            let op = scope.op(&i.to_string(), &post, &user, Some(want));
            let (first, again) = match i % 3 {
                0 => {
                    let both = tokio::join!(store.apply(op.clone()), store.apply(op));
                    (both.0.unwrap(), Some(both.1.unwrap()))
                }
                _ => (store.apply(op).await.unwrap(), None),
            };
            if let Some(again) = again {
                assert!(first.replayed != again.replayed, "one of two is the first");
                assert_eq!(first.outcome, again.outcome);
            } else {
                assert!(!first.replayed, "an operation that was sent once is no retry");
            }
        }
    };
    join_all((0..16).map(client)).await;
    let counts = store.commit_counts();
    assert!(faults.lost.load(Ordering::Relaxed) > 0, "no answer was lost");
    assert!(counts.in_doubt > 0, "{counts:?}");
    for (post, clients) in [("p0", 6), ("p1", 5), ("p2", 5)] {
        let post = scope.post(post);
        let state = store.states(std::slice::from_ref(&post)).await.unwrap().remove(0).unwrap();
        // Every user liked, and then loved.
        assert_eq!(state.counts.as_slice(), [0, clients * 12]);
        assert_eq!(state.version.0, clients * 24);
        assert_eq!(store.recount(&post).await.unwrap(), state.counts);
    }
}
