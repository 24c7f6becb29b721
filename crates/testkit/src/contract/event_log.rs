//! The promises of [`EventLog`], one by one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{EventLog, LogError, Position};
use kudos_core::{Change, Kind, PostId, UserId, Version};

use super::HasLog;
use super::support::EVERYTHING;
use crate::model::Model;
use crate::scope::{LIKE, LOVE, Scope};

/// Commits that a reader follows, and how long it rests at each look, as one does that collects
/// changes for many.
const FOLLOWED: usize = 120;
const REST: Duration = Duration::from_millis(20);

/// Makes a test of each check of the log; the backend has [`HasLog`].
#[macro_export]
macro_rules! event_log_contract {
    ($backend:ty) => {
        $crate::__each_check! { $backend, event_log:
            changes_tell_all_that_happened_in_the_order_of_their_post,
            reading_resumes_where_a_page_ended,
            there_is_nothing_behind_the_head,
            what_changes_nothing_is_no_event,
            publishing_a_change_again_takes_nothing_back,
            a_reader_at_the_head_is_woken,
            a_reader_behind_the_head_does_not_wait,
            a_reader_that_follows_misses_nothing,
            a_position_that_was_never_given_is_gone,
            a_trimmed_position_is_gone_and_the_head_is_not,
            a_position_from_before_a_restart_resumes_or_is_gone,
        }
    };
}

async fn head(log: &Arc<dyn EventLog>) -> Position {
    log.head().await.expect("the log answers")
}

/// All of a scope's changes behind a position, read in pages of `limit`, and where they end.
async fn read(
    log: &Arc<dyn EventLog>,
    scope: &Scope,
    after: &Position,
    limit: usize,
) -> Result<(Vec<Change>, Position), LogError> {
    let (mut all, mut after) = (Vec::new(), after.clone());
    loop {
        let page = log.read(&after, limit).await?;
        assert!(page.changes.len() <= limit, "a page keeps its limit");
        if page.changes.is_empty() {
            return Ok((all, page.next));
        }
        assert_ne!(page.next, after, "a walk moves on");
        after = page.next;
        let mine = |change: &Change| scope.owns(&change.state.post);
        all.extend(page.changes.into_iter().filter(mine));
    }
}

async fn read_all(log: &Arc<dyn EventLog>, scope: &Scope, after: &Position) -> Vec<Change> {
    let all = read(log, scope, after, EVERYTHING).await;
    all.expect("the log holds the position").0
}

/// Two users on two posts: add, change, remove, each in its own commit.
async fn commit_some<B: HasLog>(backend: &B, scope: &Scope) -> Model {
    let mut model = Model::new();
    for (i, (post, user, want)) in [
        ("p", "u", Some(LIKE)),
        ("p", "v", Some(LIKE)),
        ("q", "u", Some(LOVE)),
        ("p", "u", Some(LOVE)),
        ("p", "v", None),
        ("q", "v", Some(LIKE)),
    ]
    .into_iter()
    .enumerate()
    {
        let op = scope.op(&i.to_string(), post, user, want);
        model.apply(&op);
        backend.commit(op).await;
    }
    model
}

/// Follows the users through the changes: each picks up where the last one left.
pub async fn changes_tell_all_that_happened_in_the_order_of_their_post<B: HasLog>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (log, start) = (backend.log(), head(&backend.log()).await);
    let model = commit_some(&backend, &scope).await;
    let mut held: BTreeMap<(PostId, UserId), Option<Kind>> = BTreeMap::new();
    let mut last: BTreeMap<PostId, Version> = BTreeMap::new();
    for Change { state, users } in read_all(&log, &scope, &start).await {
        let before = last.insert(state.post.clone(), state.version);
        assert!(before.unwrap_or_default() < state.version, "newer ones follow");
        for change in users {
            assert_ne!(change.from, change.to);
            let held = held.entry((state.post.clone(), change.user)).or_default();
            assert_eq!(*held, change.from);
            *held = change.to;
        }
        let on_post = held.iter().filter(|((post, _), _)| *post == state.post);
        let holders = on_post.filter(|(_, kind)| kind.is_some()).count();
        assert_eq!(state.counts.total(), holders as u64);
    }
    for ((post, user), kind) in held {
        assert_eq!(kind, model.held(&user, &post));
    }
    assert!(model.posts().eq(last.keys()));
}

/// Pages of every size give the same.
pub async fn reading_resumes_where_a_page_ended<B: HasLog>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (log, start) = (backend.log(), head(&backend.log()).await);
    commit_some(&backend, &scope).await;
    let all = read_all(&log, &scope, &start).await;
    let of = |changes: &[Change], post: &PostId| -> Vec<Change> {
        let of_post = changes.iter().filter(|change| change.state.post == *post);
        of_post.cloned().collect()
    };
    for limit in [1, 2, 4, 5] {
        let (paged, end) = read(&log, &scope, &start, limit).await.expect("held");
        for post in ["p", "q"].map(|name| scope.post(name)) {
            assert_eq!(of(&paged, &post), of(&all, &post));
        }
        assert_eq!(paged.len(), all.len());
        assert_eq!(read_all(&log, &scope, &end).await, []);
    }
}

/// The head is where reading ends.
pub async fn there_is_nothing_behind_the_head<B: HasLog>() {
    let (backend, scope) = (B::open().await, Scope::new());
    commit_some(&backend, &scope).await;
    let log = backend.log();
    let head = head(&log).await;
    assert_eq!(read_all(&log, &scope, &head).await, []);
    if !B::SHARED {
        let page = log.read(&head, 10).await.expect("the head is held");
        assert_eq!((page.changes, page.next), (vec![], head));
    }
}

/// A retry, and a wish that is fulfilled already.
pub async fn what_changes_nothing_is_no_event<B: HasLog>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let log = backend.log();
    let like = scope.op("a", "p", "u", Some(LIKE));
    backend.commit(like.clone()).await;
    let after_like = head(&log).await;
    backend.commit(like).await;
    backend.commit(scope.op("b", "p", "u", Some(LIKE))).await;
    let changes = read_all(&log, &scope, &after_like).await;
    assert!(changes.iter().all(|change| change.users.is_empty()));
}

/// At least once, and newer wins.
pub async fn publishing_a_change_again_takes_nothing_back<B: HasLog>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (log, start) = (backend.log(), head(&backend.log()).await);
    commit_some(&backend, &scope).await;
    let before = read_all(&log, &scope, &start).await;
    for change in &before {
        assert_eq!(log.publish(change).await, Ok(()));
    }
    let mut after = read_all(&log, &scope, &start).await;
    after.retain(|change| before.contains(change));
    assert!(after.starts_with(&before));
}

/// Waits first, commits then.
pub async fn a_reader_at_the_head_is_woken<B: HasLog>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let log = backend.log();
    let start = head(&log).await;
    let reader = tokio::spawn({
        let (log, scope, start) = (log.clone(), scope.clone(), start.clone());
        async move {
            let mut at = start;
            loop {
                log.grown(&at).await.expect("the log answers");
                let (changes, end) = read(&log, &scope, &at, 100).await.expect("held");
                if !changes.is_empty() {
                    return changes;
                }
                at = end;
                tokio::task::yield_now().await;
            }
        }
    });
    tokio::task::yield_now().await;
    backend.commit(scope.op("a", "p", "u", Some(LIKE))).await;
    let changes = reader.await.expect("the reader ends");
    assert_eq!(changes[0].state.post, scope.post("p"));
}

/// What is there needs no waiting.
pub async fn a_reader_behind_the_head_does_not_wait<B: HasLog>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (log, start) = (backend.log(), head(&backend.log()).await);
    commit_some(&backend, &scope).await;
    assert_eq!(log.grown(&start).await, Ok(()));
}

/// Changes come while the reader is on its way: an end that it saw is the end no more.
pub async fn a_reader_that_follows_misses_nothing<B: HasLog>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let log = backend.log();
    let mut at = head(&log).await;
    let commits = async {
        for i in 0..FOLLOWED {
            let op = scope.op(&i.to_string(), &format!("p{}", i % 5), &i.to_string(), Some(LIKE));
            backend.commit(op).await;
            // Now and then, so that the reader comes to the head.
            if i % 8 == 0 {
                tokio::time::sleep(REST * 4).await;
            }
        }
    };
    let followed = async {
        let mut seen: BTreeMap<PostId, Vec<Version>> = BTreeMap::new();
        while seen.values().map(Vec::len).sum::<usize>() < FOLLOWED {
            log.grown(&at).await.expect("the log answers");
            tokio::time::sleep(REST).await;
            let page = log.read(&at, EVERYTHING).await.expect("it holds the position");
            at = page.next;
            for Change { state, .. } in page.changes {
                if scope.owns(&state.post) {
                    seen.entry(state.post).or_default().push(state.version);
                }
            }
        }
        seen
    };
    let ((), seen) = futures::join!(commits, followed);
    for versions in seen.into_values() {
        assert!(versions.is_sorted() && versions.len() == FOLLOWED / 5, "{versions:?}");
    }
}

/// Of another log: more partitions, or none, or far ahead.
pub async fn a_position_that_was_never_given_is_gone<B: HasLog>() {
    let (backend, scope) = (B::open().await, Scope::new());
    commit_some(&backend, &scope).await;
    let log = backend.log();
    let Position(head) = head(&log).await;
    let more = head.iter().copied().chain([0]).collect();
    let ahead = head.iter().map(|offset| offset + 1_000_000_000).collect();
    let end_of_numbers = vec![u64::MAX; head.len()];
    for foreign in [more, ahead, end_of_numbers, vec![]] {
        let read = log.read(&Position(foreign.clone()), 10).await;
        assert_eq!(read, Err(LogError::Gone), "{foreign:?}");
    }
}

/// A bounded log loses its beginning, and says so.
pub async fn a_trimmed_position_is_gone_and_the_head_is_not<B: HasLog>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (log, start) = (backend.log(), head(&backend.log()).await);
    commit_some(&backend, &scope).await;
    if !backend.trim(&start).await {
        return;
    }
    assert_eq!(log.read(&start, 10).await, Err(LogError::Gone));
    let head = head(&log).await;
    backend.commit(scope.op("after", "p", "w", Some(LIKE))).await;
    assert_eq!(read_all(&log, &scope, &head).await.len(), 1);
}

/// It is never mistaken for another place.
pub async fn a_position_from_before_a_restart_resumes_or_is_gone<B: HasLog>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let start = head(&backend.log()).await;
    commit_some(&backend, &scope).await;
    let before = read_all(&backend.log(), &scope, &start).await;
    let backend = backend.restart().await;
    let next = scope.op("after", "p", "w", Some(LIKE));
    backend.commit(next).await;
    match read(&backend.log(), &scope, &start, EVERYTHING).await {
        Ok((after, _)) => {
            assert!(after.starts_with(&before));
            assert_eq!(after.len(), before.len() + 1);
        }
        Err(error) => assert_eq!(error, LogError::Gone),
    }
}
