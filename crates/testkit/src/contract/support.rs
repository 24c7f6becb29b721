//! What the suites share.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::ReactionStore;
use kudos_core::{Applied, ApplyError, Kind, Operation, PostId, PostState, UserId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// More than any check writes.
pub(super) const EVERYTHING: usize = 10_000;
/// How long one generated case may take.
const CASE_LIMIT: Duration = Duration::from_secs(30);

/// Tries a property on generated values, and shrinks the first on which it panics.
pub(super) fn for_all<S>(cases: u32, strategy: S, property: impl AsyncFn(S::Value))
where
    S: Strategy,
    S::Value: Debug,
{
    let mut runner = TestRunner::new(Config {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    });
    let handle = tokio::runtime::Handle::current();
    let tried = tokio::task::block_in_place(|| {
        runner.run(&strategy, |value| {
            let case = async { tokio::time::timeout(CASE_LIMIT, property(value)).await };
            prop_assert!(handle.block_on(case).is_ok(), "not done in time");
            Ok(())
        })
    });
    assert_eq!(tried.map_err(|failure| failure.to_string()), Ok(()));
}

/// Returns once `holds` does; a check that waits for ever is failed by its own limit.
pub(super) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = tokio::time::Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < CASE_LIMIT, "not within {CASE_LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Applies an operation that must succeed.
pub(super) async fn apply(store: &Arc<dyn ReactionStore>, op: &Operation) -> Applied {
    let applied = store.apply(op.clone()).await;
    let applied = applied.expect("the operation is applied");
    assert_consistent(op, &applied);
    applied
}

/// An answer says what was asked, and the same twice.
pub(super) fn assert_consistent(op: &Operation, applied: &Applied) {
    let Applied { outcome, state, .. } = applied;
    assert_eq!(outcome.mine, op.want, "mine is what was asked");
    assert_eq!(state.post, op.post);
    assert_eq!(state.version, outcome.version);
    assert_eq!(state.counts.as_slice(), outcome.counts.as_slice());
    if outcome.changed {
        assert_eq!(state.as_of, outcome.at);
    }
}

/// An operation sent again got the answer of its first time.
pub(super) fn assert_replayed(first: &Applied, again: &Applied) {
    assert!(again.replayed, "known as sent before");
    let (first, again) = (&first.outcome, &again.outcome);
    assert_eq!(
        (again.mine, again.changed, again.version, again.at),
        (first.mine, first.changed, first.version, first.at)
    );
    assert_eq!(again.counts.as_slice(), first.counts.as_slice());
}

/// An operation was refused with exactly this error.
pub(super) async fn assert_refused(
    store: &Arc<dyn ReactionStore>,
    op: &Operation,
    error: ApplyError,
) {
    assert_eq!(store.apply(op.clone()).await, Err(error));
}

/// The state of a post that must be known.
pub(super) async fn state(store: &Arc<dyn ReactionStore>, post: &PostId) -> PostState {
    let states = store.states(std::slice::from_ref(post)).await;
    let [state] = states.expect("the truth answers").try_into().expect("one answer for one post");
    state.expect("the post is known")
}

/// The counts of a post that must be known, in the order of kinds, without trailing zeros.
pub(super) async fn counts(store: &Arc<dyn ReactionStore>, post: &PostId) -> Vec<u64> {
    state(store, post).await.counts.as_slice().to_vec()
}

/// What a user holds on a post.
pub(super) async fn held(
    store: &Arc<dyn ReactionStore>,
    user: &UserId,
    post: &PostId,
) -> Option<Kind> {
    let held = store.held(user, std::slice::from_ref(post)).await;
    let [held] = held.expect("the truth answers").try_into().expect("one answer for one post");
    held
}

/// All users who hold `kind` (any, if none) on a post, read in pages of `limit`.
pub(super) async fn reactors(
    store: &Arc<dyn ReactionStore>,
    post: &PostId,
    kind: Option<Kind>,
    limit: usize,
) -> Vec<(UserId, Kind)> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.reactors(post, kind, after.as_ref(), limit).await;
        let page = page.expect("the truth answers");
        assert!(page.reactors.len() <= limit, "a page keeps its limit");
        all.extend(page.reactors.into_iter().map(|r| (r.user, r.kind)));
        let Some(next) = page.next else { return all };
        assert!(after.is_none_or(|after| after < next), "a walk moves on");
        after = Some(next);
    }
}
