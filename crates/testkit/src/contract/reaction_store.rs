//! The promises of [`ReactionStore`], one by one. Histories are in
//! [`reaction_history`](super::reaction_history).

use std::sync::Arc;

use futures::future::join_all;
use kudos_core::ports::ReactionStore;
use kudos_core::row::{FINGERPRINTS, REMEMBERED};
use kudos_core::{Applied, ApplyError, Millis, Operation, PostId, UserId, Version};
use uuid::{NoContext, Timestamp, Uuid};

use super::HasReactions;
use super::support::{apply, assert_refused, assert_replayed, counts, held, reactors, state};
use crate::scope::{LIKE, LOVE, NOW, Scope};

/// Makes a test of each check of the truth; the backend has [`HasReactions`].
#[macro_export]
macro_rules! reaction_store_contract {
    ($backend:ty) => {
        $crate::__each_check! { $backend, reaction_store:
            a_post_that_nobody_knows_has_no_state,
            a_first_like_counts_one,
            liking_twice_counts_once,
            a_like_that_becomes_love_is_one_move,
            an_unlike_leaves_none,
            a_retry_gets_the_first_answer_and_writes_nothing,
            a_retried_like_does_not_undo_a_later_unlike,
            an_operation_that_changed_nothing_is_remembered_too,
            a_key_reused_for_another_request_is_refused,
            a_key_belongs_to_its_user_and_post,
            an_operation_older_than_memory_is_never_applied_again,
            a_key_that_tells_its_time_is_refused_however_old_it_is,
            versions_increase_with_every_change_and_only_then,
            the_same_operation_from_sixteen_tasks_is_applied_once,
            four_hundred_users_on_one_post_are_four_hundred,
            an_operation_whose_caller_left_counts_once,
            answers_come_in_the_order_asked,
            reactors_are_complete_in_order_and_filtered_by_kind,
            a_reactor_is_listed_since_its_last_change,
        }
        $crate::__each_check! { $backend, reaction_history:
            random_histories_agree_with_the_model,
            what_was_acknowledged_survives_restarts,
        }
    };
}

/// A post without any past.
pub async fn a_post_that_nobody_knows_has_no_state<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (store, post) = (backend.reactions(), scope.post("p"));
    assert_eq!(store.states(std::slice::from_ref(&post)).await, Ok(vec![None]));
    assert_eq!(held(&store, &scope.user("u"), &post).await, None);
    assert_eq!(reactors(&store, &post, None, 10).await, []);
}

/// One like.
pub async fn a_first_like_counts_one<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (store, like) = (backend.reactions(), scope.op("a", "p", "u", Some(LIKE)));
    let applied = apply(&store, &like).await;
    assert!(applied.outcome.changed && !applied.replayed);
    assert_eq!(applied.outcome.counts.as_slice(), [1]);
    assert_ne!(applied.outcome.version, Version::default());
    let state = state(&store, &like.post).await;
    assert_eq!((state.post, state.version), (applied.state.post, applied.state.version));
    assert_eq!(state.counts.as_slice(), [1]);
    assert_eq!(held(&store, &like.user, &like.post).await, Some(LIKE));
}

/// The same wish under two keys.
pub async fn liking_twice_counts_once<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let store = backend.reactions();
    let like = scope.op("a", "p", "u", Some(LIKE));
    apply(&store, &like).await;
    let second = apply(&store, &scope.op("b", "p", "u", Some(LIKE))).await;
    assert!(!second.outcome.changed && !second.replayed);
    assert_eq!(second.outcome.counts.as_slice(), [1]);
    assert_eq!(counts(&store, &like.post).await, [1]);
}

/// A change of kind.
pub async fn a_like_that_becomes_love_is_one_move<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let store = backend.reactions();
    apply(&store, &scope.op("a", "p", "u", Some(LIKE))).await;
    let love = scope.op("b", "p", "u", Some(LOVE));
    let applied = apply(&store, &love).await;
    assert!(applied.outcome.changed);
    assert_eq!(applied.from, Some(LIKE));
    assert_eq!(applied.outcome.counts.as_slice(), [0, 1]);
    assert_eq!(counts(&store, &love.post).await, [0, 1]);
    assert_eq!(held(&store, &love.user, &love.post).await, Some(LOVE));
}

/// A reaction taken back, and one that never was.
pub async fn an_unlike_leaves_none<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let store = backend.reactions();
    apply(&store, &scope.op("a", "p", "u", Some(LIKE))).await;
    let unlike = scope.op("b", "p", "u", None);
    assert!(apply(&store, &unlike).await.outcome.changed);
    assert_eq!(counts(&store, &unlike.post).await, []);
    assert_eq!(held(&store, &unlike.user, &unlike.post).await, None);
    assert_eq!(reactors(&store, &unlike.post, None, 10).await, []);
    let nothing = apply(&store, &scope.op("c", "p", "stranger", None)).await;
    assert!(!nothing.outcome.changed);
}

/// The same operation three times.
pub async fn a_retry_gets_the_first_answer_and_writes_nothing<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (store, like) = (backend.reactions(), scope.op("a", "p", "u", Some(LIKE)));
    let first = apply(&store, &like).await;
    apply(&store, &scope.op("b", "p", "other", Some(LIKE))).await;
    let before = state(&store, &like.post).await;
    for later in 1..3 {
        let at = Millis(NOW.0 + later);
        let again = apply_again(&store, &like, at).await;
        assert_replayed(&first, &again);
    }
    assert_eq!(state(&store, &like.post).await, before);
}

async fn apply_again(store: &Arc<dyn ReactionStore>, op: &Operation, at: Millis) -> Applied {
    let retry = Operation { at, ..op.clone() };
    let again = store.apply(retry).await;
    again.expect("a retry is answered")
}

/// Like, unlike, and the like comes again.
pub async fn a_retried_like_does_not_undo_a_later_unlike<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (store, like) = (backend.reactions(), scope.op("a", "p", "u", Some(LIKE)));
    let first = apply(&store, &like).await;
    apply(&store, &scope.op("b", "p", "u", None)).await;
    assert_replayed(&first, &apply(&store, &like).await);
    assert_eq!(held(&store, &like.user, &like.post).await, None);
    assert_eq!(counts(&store, &like.post).await, []);
}

/// Otherwise a late retry of a second like would undo an unlike.
pub async fn an_operation_that_changed_nothing_is_remembered_too<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let store = backend.reactions();
    apply(&store, &scope.op("a", "p", "u", Some(LIKE))).await;
    let second = scope.op("b", "p", "u", Some(LIKE));
    let first = apply(&store, &second).await;
    apply(&store, &scope.op("c", "p", "u", None)).await;
    assert_replayed(&first, &apply(&store, &second).await);
    assert_eq!(counts(&store, &second.post).await, []);
}

/// One key, two wishes.
pub async fn a_key_reused_for_another_request_is_refused<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (store, like) = (backend.reactions(), scope.op("a", "p", "u", Some(LIKE)));
    apply(&store, &like).await;
    for want in [Some(LOVE), None] {
        let other = scope.op("a", "p", "u", want);
        assert_refused(&store, &other, ApplyError::KeyReused).await;
    }
    assert_eq!(counts(&store, &like.post).await, [1]);
}

/// One key of two users, and on two posts.
pub async fn a_key_belongs_to_its_user_and_post<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let store = backend.reactions();
    for (post, user, want) in [("p", "u", LIKE), ("p", "v", LOVE), ("q", "u", LOVE)] {
        let applied = apply(&store, &scope.op("same", post, user, Some(want))).await;
        assert!(applied.outcome.changed && !applied.replayed);
    }
    assert_eq!(counts(&store, &scope.post("p")).await, [1, 1]);
    assert_eq!(counts(&store, &scope.post("q")).await, [0, 1]);
}

/// Sends operations one after the other, then each once more.
async fn assert_none_comes_back(store: &Arc<dyn ReactionStore>, ops: &[Operation]) {
    let mut first = Vec::new();
    for op in ops {
        first.push(apply(store, op).await);
    }
    let before = state(store, &ops[0].post).await;
    let forgotten = ops.len().saturating_sub(REMEMBERED);
    for (i, op) in ops.iter().enumerate() {
        match store.apply(op.clone()).await {
            Ok(again) => assert_replayed(&first[i], &again),
            Err(error) => {
                assert_eq!(error, ApplyError::Stale);
                assert!(i < forgotten, "the last {REMEMBERED} are remembered");
            }
        }
    }
    assert_eq!(state(store, &ops[0].post).await, before);
}

/// As many operations as a row remembers.
pub async fn an_operation_older_than_memory_is_never_applied_again<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let op = |i: usize| scope.op(&i.to_string(), "p", "u", i.is_multiple_of(2).then_some(LIKE));
    let ops: Vec<_> = (0..REMEMBERED + FINGERPRINTS).map(op).collect();
    assert_none_comes_back(&backend.reactions(), &ops).await;
}

/// More operations than a row remembers, with keys that carry their time.
pub async fn a_key_that_tells_its_time_is_refused_however_old_it_is<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let op = |i: usize| {
        let time = Timestamp::from_unix(NoContext, NOW.0 / 1000 + i as u64, 0);
        let key = Uuid::new_v7(time).to_string();
        scope.op(&key, "p", "u", i.is_multiple_of(2).then_some(LIKE))
    };
    let ops: Vec<_> = (0..2 * (REMEMBERED + FINGERPRINTS)).map(op).collect();
    assert_none_comes_back(&backend.reactions(), &ops).await;
}

/// Two users in turn.
pub async fn versions_increase_with_every_change_and_only_then<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (store, mut last) = (backend.reactions(), Version::default());
    for i in 0..10 {
        let (user, want) = (["u", "v"][i % 2], [Some(LIKE), Some(LOVE), None][i / 2 % 3]);
        let applied = apply(&store, &scope.op(&i.to_string(), "p", user, want)).await;
        assert!(applied.outcome.changed);
        assert!(applied.outcome.version > last);
        last = applied.outcome.version;
        let same = apply(&store, &scope.op(&format!("{i} again"), "p", user, want)).await;
        assert_eq!((same.outcome.changed, same.outcome.version), (false, last));
        assert_eq!(state(&store, &applied.state.post).await.version, last);
    }
}

/// A client and all its retries at once.
pub async fn the_same_operation_from_sixteen_tasks_is_applied_once<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (store, like) = (backend.reactions(), scope.op("a", "p", "u", Some(LIKE)));
    let send = |_| {
        let (store, like) = (store.clone(), like.clone());
        tokio::spawn(async move { apply(&store, &like).await })
    };
    let answers = join_all((0..16).map(send)).await;
    let answers = answers.into_iter().map(|answer| answer.expect("applied"));
    let (again, first): (Vec<_>, Vec<_>) = answers.partition(|applied| applied.replayed);
    assert_eq!(first.len(), 1);
    again.iter().for_each(|again| assert_replayed(&first[0], again));
    assert_eq!(counts(&store, &like.post).await, [1]);
}

/// A crowd at once, and then all its retries: only after the count, lest they mend a loss.
pub async fn four_hundred_users_on_one_post_are_four_hundred<B: HasReactions>() {
    const CROWD: usize = 400;
    let (backend, scope) = (B::open().await, Scope::new());
    let store = backend.reactions();
    let send = |i: usize| {
        let (user, kind) = (format!("u{i:03}"), [LIKE, LOVE][i % 2]);
        let (store, op) = (store.clone(), scope.op("once", "p", &user, Some(kind)));
        tokio::spawn(async move { apply(&store, &op).await })
    };
    let (post, half) = (scope.post("p"), CROWD as u64 / 2);
    for retry in [false, true] {
        for answer in join_all((0..CROWD).map(send)).await {
            assert_eq!(answer.expect("applied").replayed, retry);
        }
        assert_eq!(counts(&store, &post).await, [half, half]);
        assert_eq!(reactors(&store, &post, None, 64).await.len(), CROWD);
    }
}

/// A client that hangs up, and comes again.
pub async fn an_operation_whose_caller_left_counts_once<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let store = backend.reactions();
    for user in 0..20 {
        let like = scope.op("a", "p", &user.to_string(), Some(LIKE));
        // Polled once, then dropped.
        drop(futures::poll!(store.apply(like.clone())));
        apply(&store, &like).await;
    }
    assert_eq!(counts(&store, &scope.post("p")).await, [20]);
}

/// Known, unknown and repeated posts.
pub async fn answers_come_in_the_order_asked<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let store = backend.reactions();
    apply(&store, &scope.op("a", "p", "u", Some(LIKE))).await;
    apply(&store, &scope.op("a", "q", "u", Some(LOVE))).await;
    let asked = ["q", "none", "p", "q"].map(|name| scope.post(name));
    let held = store.held(&scope.user("u"), &asked).await;
    assert_eq!(held, Ok(vec![Some(LOVE), None, Some(LIKE), Some(LOVE)]));
    let states = store.states(&asked).await.expect("the truth answers");
    let posts = states.into_iter().map(|state| state.map(|state| state.post));
    let [q, _, p, _] = asked;
    assert_eq!(posts.collect::<Vec<_>>(), [Some(q.clone()), None, Some(p), Some(q)]);
}

/// Small pages over two kinds and a user who left.
pub async fn reactors_are_complete_in_order_and_filtered_by_kind<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (store, post) = (backend.reactions(), scope.post("p"));
    let mut expected: Vec<(UserId, _)> = Vec::new();
    for i in [7, 3, 10, 1, 8, 2, 9, 5, 6, 4, 0] {
        let (name, kind) = (format!("u{i:02}"), [LIKE, LOVE][i % 2]);
        apply(&store, &scope.op("a", "p", &name, Some(kind))).await;
        expected.push((scope.user(&name), kind));
    }
    apply(&store, &scope.op("b", "p", "u05", None)).await;
    expected.retain(|(user, _)| *user != scope.user("u05"));
    expected.sort();
    for limit in [1, 3, 10, 100] {
        assert_eq!(reactors(&store, &post, None, limit).await, expected);
        for kind in [LIKE, LOVE] {
            let of_kind = expected.iter().filter(|(_, held)| *held == kind);
            let listed = reactors(&store, &post, Some(kind), limit).await;
            assert_eq!(listed, of_kind.cloned().collect::<Vec<_>>());
        }
    }
    let other: PostId = scope.post("p-other");
    assert_eq!(reactors(&store, &other, None, 10).await, []);
}

/// Saying the same again does not make a reaction newer.
pub async fn a_reactor_is_listed_since_its_last_change<B: HasReactions>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (store, post) = (backend.reactions(), scope.post("p"));
    let at = |op: Operation, later| Operation { at: Millis(NOW.0 + later), ..op };
    apply(&store, &scope.op("a", "p", "u", Some(LIKE))).await;
    let love = at(scope.op("b", "p", "u", Some(LOVE)), 1000);
    let changed = apply(&store, &love).await;
    apply(&store, &at(scope.op("c", "p", "u", Some(LOVE)), 2000)).await;
    let page = store.reactors(&post, None, None, 10).await;
    let reactors = page.expect("the truth answers").reactors;
    assert_eq!(reactors[0].at, changed.outcome.at);
}
