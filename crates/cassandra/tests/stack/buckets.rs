//! Posts whose rows are spread over several partitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use kudos_core::ports::{ReactionStore, Snapshots};
use kudos_core::{PostState, Version};
use kudos_testkit::Scope;
use kudos_testkit::scope::{LIKE, LOVE};
use parking_lot::Mutex;

use crate::server;

const USERS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn counts_add_up_over_buckets_and_the_highest_version_tells_them_all() {
    let settings = server::settings(server::BUCKETED);
    let (a, b) = (server::connect_to(&settings).await, server::connect_to(&settings).await);
    let (scope, told) = (Scope::new(), Mutex::new(BTreeMap::<Version, PostState>::new()));
    let writers = [Arc::clone(&a.store), Arc::clone(&b.store)];
    let one = async |i: usize| {
        let like = scope.op("a", "p", &format!("u{i:03}"), Some(LIKE));
        let love = scope.op("b", "p", &format!("u{i:03}"), Some(LOVE));
        for op in [like.clone(), love, like] {
            let applied = writers[i % 2].apply(op.clone()).await.unwrap();
            if let Some(change) = applied.change(&op.user) {
                told.lock().insert(change.state.version, change.state);
            }
        }
    };
    stream::iter(0..USERS).for_each_concurrent(32, one).await;
    let post = scope.post("p");
    let state = a.store.states(std::slice::from_ref(&post)).await.unwrap().remove(0).unwrap();
    assert_eq!(state.counts.as_slice(), [0, USERS as u64]);
    assert_eq!(state.version.0, 2 * USERS as u64);
    assert_eq!(b.store.recount(&post).await.unwrap(), state.counts);
    // A projection keeps the highest version that it was told.
    let (highest, held) = told.lock().pop_last().unwrap();
    assert_eq!((highest, held.counts), (state.version, state.counts));
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = a.store.reactors(&post, Some(LOVE), after.as_ref(), 7).await.unwrap();
        listed.extend(page.reactors.into_iter().map(|reactor| reactor.user));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let all = (0..USERS).map(|i| scope.user(format!("u{i:03}"))).collect::<Vec<_>>();
    assert_eq!(listed, all);
}
