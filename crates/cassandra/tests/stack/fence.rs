//! A write that nobody waits for any more, held up on its way.

use std::sync::Arc;

use kudos_core::ports::{ReactionStore, Snapshots};
use kudos_testkit::Scope;
use kudos_testkit::scope::LIKE;

use crate::proxy::Faults;
use crate::{server, settling};

/// Posts that are tried until one is written through the node that holds.
const TRIES: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn a_held_write_is_never_applied_after_the_post_was_settled() {
    let (faults, scope) = (Arc::new(Faults::default()), Scope::new());
    let mut settings = settling::behind(&faults).await;
    settings.request_timeout = std::time::Duration::from_secs(30);
    let (held_up, direct) = (server::connect_to(&settings).await, server::connect().await);
    for i in 0..TRIES {
        let name = format!("p{i}");
        let (store, post) = (Arc::clone(&held_up.store), scope.post(&name));
        store.apply(scope.op("before", &name, "first", Some(LIKE))).await.unwrap();
        faults.hold_next();
        let like = scope.op("held", &name, "u", Some(LIKE));
        let waiting = tokio::spawn(async move { store.apply(like).await });
        tokio::select! {
            () = faults.held.notified() => {}
            // Another node wrote it: nothing was held.
            () = async { while !waiting.is_finished() { tokio::task::yield_now().await } } => continue,
        }
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        let settled = direct.store.settle(&post).await.unwrap().unwrap();
        assert_eq!(settled.state.counts.as_slice(), [1]);
        faults.release.notify_one();
        faults.answered.notified().await;
        let later =
            direct.store.snapshots(std::slice::from_ref(&post)).await.unwrap().remove(0).unwrap();
        assert_eq!(later.state, settled.state);
        assert_eq!(direct.store.recount(&post).await.unwrap(), settled.state.counts);
        // Sent again, it counts.
        direct.store.apply(scope.op("held", &name, "u", Some(LIKE))).await.unwrap();
        assert_eq!(direct.store.recount(&post).await.unwrap().as_slice(), [2]);
        return;
    }
    panic!("none of {TRIES} posts was written through the proxy");
}

#[tokio::test]
async fn settling_a_post_that_nobody_knows_leaves_it_unknown() {
    let (cassandra, scope) = (server::connect().await, Scope::new());
    let post = scope.post("p");
    assert_eq!(cassandra.store.settle(&post).await, Ok(None));
    assert_eq!(cassandra.store.snapshots(std::slice::from_ref(&post)).await, Ok(vec![None]));
    let applied = cassandra.store.apply(scope.op("a", "p", "u", Some(LIKE))).await.unwrap();
    assert_eq!(applied.outcome.version.0, 1);
}
