//! What the tests share.

use std::time::Duration;

use kudos_core::{Clock, Kind, Millis, Operation, PostId, UserId};
use tokio::time::Instant;

/// When tests take place.
pub(crate) const NOW: Millis = Millis(1_750_000_000_000);

/// Wall-clock time that goes as tokio's does, which a test pauses.
#[derive(Debug, Clone)]
pub(crate) struct TokioClock(Instant);

impl TokioClock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Millis {
        NOW.plus(self.0.elapsed())
    }
}

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
