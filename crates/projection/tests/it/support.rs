//! What the tests share.

use std::time::Duration;

use kudos_core::{Kind, Operation, PostId, UserId};

pub(crate) use kudos_testkit::scope::NOW;

pub(crate) fn post(name: impl std::fmt::Display) -> PostId {
    PostId::new(&name.to_string()).unwrap()
}

pub(crate) fn op(key: &str, post: &PostId, user: &str, want: Option<Kind>) -> Operation {
    Operation::keyed(key, post.clone(), UserId::new(user).unwrap(), want, NOW)
}

/// Returns once `holds` does; fails after a minute on tokio's clock.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let limit = Duration::from_secs(60);
    let polled = tokio::time::timeout(limit, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(polled.await.is_ok(), "not within {limit:?}: {what}");
}
