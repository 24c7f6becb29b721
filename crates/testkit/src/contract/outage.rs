//! The promises of [`OutageJournal`] and [`OutageWindows`], one by one.

use std::collections::BTreeSet;
use std::sync::Arc;

use kudos_core::PostId;
use kudos_core::ports::{DueWindow, OutageJournal, OutageWindows, Ticket};

use super::HasJournal;
use super::support::EVERYTHING;
use crate::scope::Scope;

/// Makes a test of each check of the outage journal; the backend has [`HasJournal`].
#[macro_export]
macro_rules! outage_contract {
    ($backend:ty) => {
        $crate::__each_check! { $backend, outage:
            a_clean_window_is_never_due,
            a_window_in_which_a_sink_missed_something_is_due_with_all_its_posts,
            a_window_stays_open_until_its_last_ticket_ends,
            what_is_in_doubt_is_due_for_every_sink,
            the_posts_of_a_window_are_paged_in_a_fixed_order,
            a_window_keeps_the_sinks_that_are_left_and_goes_with_the_last,
            what_a_dead_writer_left_open_is_due_for_every_sink,
            what_a_dead_writer_had_closed_is_as_it_was,
            the_oldest_window_comes_first,
        }
    };
}

async fn cover(journal: &Arc<dyn OutageJournal>, post: &PostId) -> Ticket {
    journal.cover(post).await.expect("the journal notes the post")
}

async fn posts(windows: &Arc<dyn OutageWindows>, window: &DueWindow, page: usize) -> Vec<PostId> {
    let (mut all, mut after): (Vec<PostId>, Option<PostId>) = (Vec::new(), None);
    loop {
        let page = windows.posts(window, after.as_ref(), page).await;
        let page = page.expect("the journal answers");
        let Some(last) = page.last() else { return all };
        after = Some(last.clone());
        all.extend(page);
    }
}

/// The windows that are due and hold a post of the scope.
async fn due(windows: &Arc<dyn OutageWindows>, scope: &Scope) -> Vec<DueWindow> {
    let all = windows.due(EVERYTHING).await.expect("the journal answers");
    let mut mine = Vec::new();
    for window in all {
        if posts(windows, &window, 100).await.iter().any(|post| scope.owns(post)) {
            mine.push(window);
        }
    }
    mine
}

async fn the_one_due(windows: &Arc<dyn OutageWindows>, scope: &Scope) -> DueWindow {
    let due = due(windows, scope).await;
    let [window]: [DueWindow; 1] = due.try_into().expect("one window is due");
    window
}

/// All sinks: nobody knows which, or nothing of what is in doubt was told.
fn is_for_all(window: &DueWindow) -> bool {
    window.missed.is_none() || window.in_doubt
}

/// Every write was confirmed by every sink.
pub async fn a_clean_window_is_never_due<B: HasJournal>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let journal = backend.journal();
    for name in ["p", "q", "p"] {
        journal.end(cover(&journal, &scope.post(name)).await);
    }
    backend.close().await;
    assert_eq!(due(&backend.windows(), &scope).await, []);
    let backend = backend.crash().await;
    assert_eq!(due(&backend.windows(), &scope).await, []);
}

/// The one write that was missed, and the others of the window.
pub async fn a_window_in_which_a_sink_missed_something_is_due_with_all_its_posts<B: HasJournal>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let journal = backend.journal();
    let mine: BTreeSet<PostId> = ["p", "q", "r"].map(|name| scope.post(name)).into();
    for post in &mine {
        let ticket = cover(&journal, post).await;
        if *post == scope.post("q") {
            journal.missed(ticket, "live");
            journal.missed(ticket, "live");
        }
        journal.end(ticket);
    }
    backend.close().await;
    let windows = backend.windows();
    // The posts may have fallen into two windows: the one of the missed write counts.
    let due = due(&windows, &scope).await;
    let mut noted = BTreeSet::new();
    for window in &due {
        assert_eq!((window.missed.clone(), window.in_doubt), (Some(vec!["live".into()]), false));
        noted.extend(posts(&windows, window, 100).await);
    }
    assert!(noted.contains(&scope.post("q")));
    assert!(noted.iter().filter(|post| scope.owns(post)).all(|post| mine.contains(post)));
}

/// Else a sweeper would read the post before it is written.
pub async fn a_window_stays_open_until_its_last_ticket_ends<B: HasJournal>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let journal = backend.journal();
    let [first, last] =
        [cover(&journal, &scope.post("p")).await, cover(&journal, &scope.post("p")).await];
    journal.missed(first, "live");
    journal.end(first);
    if first == last {
        backend.close().await;
        assert_eq!(due(&backend.windows(), &scope).await, []);
    }
    journal.end(last);
    backend.close().await;
    the_one_due(&backend.windows(), &scope).await;
}

/// A commit whose outcome nobody knows.
pub async fn what_is_in_doubt_is_due_for_every_sink<B: HasJournal>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let journal = backend.journal();
    let ticket = cover(&journal, &scope.post("p")).await;
    journal.in_doubt(ticket);
    journal.end(ticket);
    backend.close().await;
    let window = the_one_due(&backend.windows(), &scope).await;
    assert!(window.in_doubt && is_for_all(&window), "{window:?}");
}

/// Pages of every size, each post once.
pub async fn the_posts_of_a_window_are_paged_in_a_fixed_order<B: HasJournal>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let journal = backend.journal();
    for i in (0..40).chain(0..10) {
        let ticket = cover(&journal, &scope.post(i * 7 % 40)).await;
        journal.missed(ticket, "live");
        journal.end(ticket);
    }
    backend.close().await;
    let windows = backend.windows();
    let mut found = BTreeSet::new();
    for window in due(&windows, &scope).await {
        let whole = posts(&windows, &window, 1_000).await;
        let unique: BTreeSet<_> = whole.iter().collect();
        assert_eq!(unique.len(), whole.len(), "each post once");
        for page in [1, 3, 7] {
            assert_eq!(posts(&windows, &window, page).await, whole);
        }
        found.extend(whole.into_iter().filter(|post| scope.owns(post)));
    }
    assert_eq!(found, (0..40).map(|i| scope.post(i)).collect());
}

/// Two sinks missed something, one is told, then the other.
pub async fn a_window_keeps_the_sinks_that_are_left_and_goes_with_the_last<B: HasJournal>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let journal = backend.journal();
    let ticket = cover(&journal, &scope.post("p")).await;
    ["live", "log"].into_iter().for_each(|sink| journal.missed(ticket, sink));
    journal.end(ticket);
    backend.close().await;
    let windows = backend.windows();
    let window = the_one_due(&windows, &scope).await;
    let missed: BTreeSet<_> = window.missed.clone().unwrap_or_default().into_iter().collect();
    assert_eq!(missed, ["live", "log"].map(String::from).into());
    for _ in 0..2 {
        assert_eq!(windows.told(&window, &["log".to_owned()]).await, Ok(()));
        let left = the_one_due(&windows, &scope).await;
        assert_eq!(left.missed, Some(vec!["log".to_owned()]));
    }
    for _ in 0..2 {
        assert_eq!(windows.told(&window, &[]).await, Ok(()));
        assert_eq!(due(&windows, &scope).await, []);
    }
}

/// Whatever its memory knew is gone.
pub async fn what_a_dead_writer_left_open_is_due_for_every_sink<B: HasJournal>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let journal = backend.journal();
    cover(&journal, &scope.post("p")).await;
    let ended = cover(&journal, &scope.post("q")).await;
    journal.end(ended);
    drop(journal);
    let backend = backend.crash().await;
    let windows = backend.windows();
    let found = due(&windows, &scope).await;
    let mut noted = BTreeSet::new();
    for window in &found {
        assert!(window.in_doubt && is_for_all(window), "{window:?}");
        noted.extend(posts(&windows, window, 100).await);
    }
    assert!(noted.contains(&scope.post("p")));
    for window in found {
        assert_eq!(windows.told(&window, &["log".to_owned()]).await, Ok(()));
    }
    for window in due(&windows, &scope).await {
        assert_eq!(window.missed, Some(vec!["log".to_owned()]));
        assert_eq!(windows.told(&window, &[]).await, Ok(()));
    }
    assert_eq!(due(&windows, &scope).await, []);
}

/// It is durable which sinks missed something.
pub async fn what_a_dead_writer_had_closed_is_as_it_was<B: HasJournal>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let journal = backend.journal();
    let ticket = cover(&journal, &scope.post("p")).await;
    journal.missed(ticket, "log");
    journal.end(ticket);
    backend.close().await;
    drop(journal);
    let backend = backend.crash().await;
    let window = the_one_due(&backend.windows(), &scope).await;
    assert_eq!(window.missed, Some(vec!["log".to_owned()]));
}

/// Three windows of one writer.
pub async fn the_oldest_window_comes_first<B: HasJournal>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let journal = backend.journal();
    for name in ["a", "b", "c"] {
        let ticket = cover(&journal, &scope.post(name)).await;
        journal.missed(ticket, "live");
        journal.end(ticket);
        backend.close().await;
    }
    let windows = backend.windows();
    let due = due(&windows, &scope).await;
    let numbers: Vec<_> = due.iter().map(|window| window.window).collect();
    assert_eq!(numbers.len(), 3);
    assert!(numbers.is_sorted(), "{numbers:?}");
    if !B::SHARED {
        let first = windows.due(1).await.expect("the journal answers");
        assert_eq!(first, due[..1]);
    }
}
