//! The promises of [`ChangeFeed`], one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{ChangeFeed, Record};
use kudos_core::{Change, Counts, PostId, PostState, Version};

use super::HasFeed;
use super::support::eventually;
use crate::scope::{NOW, Scope};

/// Makes a test of each check of a feed; the backend has [`HasFeed`].
#[macro_export]
macro_rules! change_feed_contract {
    ($backend:ty) => {
        $crate::__each_check! { $backend, change_feed:
            what_is_published_is_fed_whole_and_in_the_order_of_its_post,
            a_call_that_is_given_up_loses_nothing,
            what_was_not_committed_comes_again,
            what_was_committed_does_not_come_again,
            instances_share_the_records,
            the_records_of_an_instance_that_dies_go_to_another,
            a_record_that_cannot_be_read_says_why_and_can_be_set_aside,
        }
    };
}

fn change(post: &PostId, version: u64) -> Change {
    let state = PostState {
        post: post.clone(),
        created_at: NOW,
        version: Version(version),
        counts: Counts::from_iter([version, 2]),
        as_of: NOW,
    };
    Change { state, users: Vec::new() }
}

/// Publishes so many versions of each of so many posts.
async fn publish<B: HasFeed>(backend: &B, scope: &Scope, posts: u64, versions: u64) -> Vec<Change> {
    let mut published = Vec::new();
    for version in 1..=versions {
        for post in 0..posts {
            published.push(change(&scope.post(post), version));
        }
    }
    for change in &published {
        backend.publish(change).await;
    }
    published
}

/// Reads until so many of the scope's records have come.
async fn read(feed: &Arc<dyn ChangeFeed>, scope: &Scope, records: usize) -> Vec<Record> {
    let mut mine = Vec::new();
    while mine.len() < records {
        let page = feed.next(7).await.expect("the feed answers");
        assert!((1..=7).contains(&page.len()), "a page keeps its limit");
        mine.extend(page.into_iter().filter(|record| is_of(record, scope)));
    }
    mine
}

fn is_of(record: &Record, scope: &Scope) -> bool {
    record.change.as_ref().is_ok_and(|change| scope.owns(&change.state.post))
}

fn changes(records: &[Record]) -> Vec<Change> {
    records.iter().filter_map(|record| record.change.clone().ok()).collect()
}

fn sorted(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by_key(|change| (change.state.post.clone(), change.state.version));
    changes
}

/// Behind each partition's last record.
fn ends(records: &[Record]) -> Vec<(u32, u64)> {
    let mut ends = BTreeMap::new();
    for record in records {
        let end = ends.entry(record.partition).or_insert(0);
        *end = record.offset.saturating_add(1).max(*end);
    }
    ends.into_iter().collect()
}

/// Every change, with counts and users.
pub async fn what_is_published_is_fed_whole_and_in_the_order_of_its_post<B: HasFeed>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let feed = backend.join().await;
    let published = publish(&backend, &scope, 5, 4).await;
    let records = read(&feed, &scope, published.len()).await;
    let mut last: BTreeMap<PostId, (u32, u64, Version)> = BTreeMap::new();
    for record in &records {
        let Ok(Change { state, .. }) = &record.change else { continue };
        let now = (record.partition, record.offset, state.version);
        if let Some(before) = last.insert(state.post.clone(), now) {
            assert_eq!(before.0, now.0, "a post stays in its partition");
            assert!(before.1 < now.1 && before.2 < now.2, "newer ones follow");
        }
    }
    assert_eq!(sorted(changes(&records)), sorted(published));
}

/// While it waits, and while there is something.
pub async fn a_call_that_is_given_up_loses_nothing<B: HasFeed>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let feed = backend.join().await;
    for _ in 0..3 {
        // Nothing of this check is there yet.
        let _ = tokio::time::timeout(Duration::from_millis(20), feed.next(5)).await;
    }
    let published = publish(&backend, &scope, 3, 2).await;
    let mut records = Vec::new();
    while records.len() < published.len() {
        tokio::select! {
            biased;
            page = feed.next(1) => records.extend(page.expect("the feed answers")),
            () = tokio::task::yield_now() => {}
        }
        records.retain(|record| is_of(record, &scope));
    }
    assert_eq!(sorted(changes(&records)), sorted(published));
}

/// The instance died before it committed.
pub async fn what_was_not_committed_comes_again<B: HasFeed>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let feed = backend.join().await;
    let published = publish(&backend, &scope, 4, 2).await;
    read(&feed, &scope, published.len()).await;
    backend.kill(feed).await;
    let feed = backend.join().await;
    let again = read(&feed, &scope, published.len()).await;
    assert_eq!(sorted(changes(&again)), sorted(published));
}

/// Only what follows.
pub async fn what_was_committed_does_not_come_again<B: HasFeed>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let feed = backend.join().await;
    let before = publish(&backend, &scope, 4, 2).await;
    let records = read(&feed, &scope, before.len()).await;
    assert_eq!(feed.commit(&ends(&records)).await, Ok(()));
    backend.kill(feed).await;
    let later: Vec<_> = (0..4).map(|post| change(&scope.post(post), 9)).collect();
    for change in &later {
        backend.publish(change).await;
    }
    let feed = backend.join().await;
    let records = read(&feed, &scope, later.len()).await;
    assert_eq!(sorted(changes(&records)), sorted(later));
}

/// Each has some, together they have all.
pub async fn instances_share_the_records<B: HasFeed>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (one, two) = (backend.join().await, backend.join().await);
    let published = publish(&backend, &scope, 40, 1).await;
    let (mut by_one, mut by_two) = (Vec::new(), Vec::new());
    let wanted: BTreeSet<PostId> = published.iter().map(|c| c.state.post.clone()).collect();
    let mut seen = BTreeSet::new();
    while seen.len() < wanted.len() || by_one.is_empty() || by_two.is_empty() {
        let (page, mine) = tokio::select! {
            page = one.next(5) => (page, &mut by_one),
            page = two.next(5) => (page, &mut by_two),
        };
        let page = page.expect("the feed answers");
        for change in changes(&page).into_iter().filter(|c| scope.owns(&c.state.post)) {
            seen.insert(change.state.post.clone());
            mine.push(change);
        }
    }
    assert_eq!(seen, wanted);
}

/// What it had read and not committed, and what comes later.
pub async fn the_records_of_an_instance_that_dies_go_to_another<B: HasFeed>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let (one, two) = (backend.join().await, backend.join().await);
    let published = publish(&backend, &scope, 20, 1).await;
    let _ = tokio::time::timeout(Duration::from_secs(5), one.next(3)).await;
    backend.kill(one).await;
    let later = publish(&backend, &scope, 20, 2).await;
    let wanted: BTreeSet<_> = published.iter().chain(&later).map(key).collect();
    let mut seen = BTreeSet::new();
    while !wanted.is_subset(&seen) {
        let page = two.next(10).await.expect("the feed answers");
        seen.extend(changes(&page).iter().map(key));
    }
}

fn key(change: &Change) -> (PostId, Version) {
    (change.state.post.clone(), change.state.version)
}

/// It does not hold what follows it.
pub async fn a_record_that_cannot_be_read_says_why_and_can_be_set_aside<B: HasFeed>() {
    let (backend, scope) = (B::open().await, Scope::new());
    let feed = backend.join().await;
    if !backend.poison(&scope).await {
        return;
    }
    backend.publish(&change(&scope.post("p"), 1)).await;
    let (mut poisoned, mut well) = (None, false);
    while poisoned.is_none() || !well {
        for record in feed.next(10).await.expect("the feed answers") {
            well |= is_of(&record, &scope);
            if let Err(reason) = &record.change {
                assert!(!reason.is_empty());
                poisoned = Some(record);
            }
        }
    }
    let record = poisoned.expect("it came");
    assert_eq!(feed.set_aside(&record, "of no use").await, Ok(()));
    eventually("set aside", async || backend.is_aside(&record).await).await;
}
