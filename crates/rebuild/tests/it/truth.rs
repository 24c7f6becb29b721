//! From the truth.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use kudos_core::ports::{LiveCounts, PostIndex, ReactionStore, Snapshots};
use kudos_core::{Millis, PortError};
use kudos_rebuild::{Ports, RebuildError, Scope};
use kudos_testkit::scope::NOW;
use kudos_testkit::{Call, Faulty, MemoryIndex};
use kudos_verify::{Report, Wrong};

use crate::support::{HOUR, Losses, POSTS, Restless, World, corrupt, limits, post, rebuild};

#[tokio::test(start_paused = true)]
async fn empty_live_counts_are_filled_and_proven() {
    let world = World::open().await;
    let losses = Arc::new(Losses::default());
    losses.lost.store(1, SeqCst);
    let ports = Ports { completeness: losses, ..world.ports() };
    let rebuild = rebuild(ports, Scope::All);
    let report = rebuild.from_truth(None, &world.checkpoint()).await.unwrap();
    assert!(report.is_right(), "{report:?}");
    assert_eq!((report.told, report.complete), (POSTS as u64, Some(true)));
    assert_eq!((report.verified.posts, report.verified.differing), (POSTS as u64, 0));
    assert_eq!(world.live.top(None, POSTS).await.unwrap().len(), POSTS - 1, "one is hidden");
    assert!(!world.path().exists(), "there is nothing to resume");
    world.exact().await;
}

#[tokio::test(start_paused = true)]
async fn likes_that_arrive_meanwhile_stay() {
    let world = World::open().await;
    let restless = Restless::new(&world, true, usize::MAX);
    let ports = Ports { truth: restless.clone(), ..world.ports() };
    let rebuild = rebuild(ports, Scope::All);
    let report = rebuild.from_truth(None, &world.checkpoint()).await.unwrap();
    assert!(report.is_right(), "{report:?}");
    assert!(restless.pages.load(SeqCst) > POSTS / 2);
    world.exact().await;
}

#[tokio::test(start_paused = true)]
async fn a_post_hidden_between_its_reading_and_its_telling_is_hidden_at_the_end() {
    let world = World::open().await;
    let truth = Arc::new(Restless::hiding(&world, Some(world.posts[9].clone())));
    let ports = Ports { truth, ..world.ports() };
    let report = rebuild(ports, Scope::All).from_truth(None, &world.checkpoint()).await;
    let report = report.unwrap();
    assert!(report.is_right(), "{report:?}");
    assert_eq!(report.verified.mended, 1, "it was told as it was read");
    world.exact().await;
}

#[tokio::test(start_paused = true)]
async fn the_hottest_posts_of_the_index_come_first() {
    let world = World::open().await;
    let index = MemoryIndex::new();
    let snapshots = world.truth.snapshots(&world.posts).await.unwrap();
    for told in snapshots.iter().flatten() {
        index.put(std::slice::from_ref(&told.post));
        index.set_total(&told.post.id, told.state.counts.total());
    }
    index.refresh().await.unwrap();
    // Of all others, no page is ever read.
    let ports = Ports { truth: Restless::new(&world, false, 0), ..world.ports() };
    let (stuck, checkpoint) = (rebuild(ports, Scope::All), world.checkpoint());
    let run = stuck.from_truth(Some(&index), &checkpoint);
    assert!(tokio::time::timeout(Duration::from_secs(5), run).await.is_err());
    let top = world.live.top(None, POSTS).await.unwrap();
    assert_eq!(top.len(), limits().hottest);
    assert!(top.iter().all(|entry| entry.total == 3), "{top:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_truth_does_not_know_is_removed() {
    let world = World::open().await;
    let stranger = post("stranger");
    let mut state = world.truth.states(&world.posts[..1]).await.unwrap().remove(0).unwrap();
    state.post = stranger.clone();
    world.live.merge(&[state]).await.unwrap();
    let strange = |report: &Report| {
        report.differences.iter().filter(|found| found.wrong == Wrong::Stranger).count()
    };
    assert_eq!(strange(&world.rebuild().preview().await), 1);
    let report = world.rebuild().from_truth(None, &world.checkpoint()).await.unwrap();
    assert_eq!((strange(&report.verified), report.verified.mended), (1, 1));
    assert!(report.is_right(), "{report:?}");
    world.exact().await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let world = World::open().await;
    world.rebuild().from_truth(None, &world.checkpoint()).await.unwrap();
    world.live.lose(&world.posts[7]);
    let before = world.live.entries(&world.posts).await.unwrap();
    let report = world.rebuild().preview().await;
    let [found] = &*report.differences else { panic!("{report:?}") };
    assert_eq!((&found.post, found.wrong), (&world.posts[7], Wrong::Missing));
    assert_eq!(world.live.entries(&world.posts).await.unwrap(), before);
    assert!(!world.path().exists());
}

#[tokio::test(start_paused = true)]
async fn what_no_commit_made_is_replaced_though_its_version_is_newer() {
    let world = World::open().await;
    world.rebuild().from_truth(None, &world.checkpoint()).await.unwrap();
    corrupt(&world, &world.posts[1], 99, 7).await;
    corrupt(&world, &world.posts[2], 2, 7).await;
    let report = world.rebuild().preview().await;
    let mut words: Vec<_> = report.differences.iter().map(|found| found.wrong.as_str()).collect();
    words.sort_unstable();
    assert_eq!(words, ["ahead", "different"]);
    let report = world.rebuild().from_truth(None, &world.checkpoint()).await.unwrap();
    assert_eq!((report.verified.mended, report.verified.differing), (2, 2));
    assert!(report.is_right());
    world.exact().await;
}

#[tokio::test(start_paused = true)]
async fn only_what_is_asked_for_is_rebuilt() {
    let world = World::open().await;
    let held = async || {
        let entries = world.live.entries(&world.posts).await.unwrap();
        let held = entries.into_iter().zip(&world.posts).filter(|(entry, _)| entry.is_some());
        held.map(|(_, id)| id.clone()).collect::<Vec<_>>()
    };
    let some = world.posts[10..13].to_vec();
    let by_reach: kudos_core::ports::Reach = Arc::new(|post| post.as_str().ends_with('7'));
    for (scope, expected) in [
        (Scope::Posts(some.clone()), some),
        (
            Scope::Part { since: Some(Millis(NOW.0 - 3 * HOUR)), reach: None },
            world.posts[..4].to_vec(),
        ),
        (
            Scope::Part { since: None, reach: Some(by_reach) },
            world.posts.iter().filter(|post| post.as_str().ends_with('7')).cloned().collect(),
        ),
    ] {
        world.live.clear();
        let report = rebuild(world.ports(), scope).from_truth(None, &world.checkpoint()).await;
        let report = report.unwrap();
        assert!(report.is_right() && report.complete.is_none(), "{report:?}");
        assert_eq!(report.told, expected.len() as u64);
        assert_eq!(held().await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_waited_out_and_end_it_when_they_do_not_end() {
    let world = World::open().await;
    let live = Arc::new(Faulty::around(world.live.clone()));
    live.faults().on(Call::Merge).next(5).fail_with(PortError::Timeout);
    let ports = Ports { live: live.clone(), ..world.ports() };
    let report = rebuild(ports, Scope::All).from_truth(None, &world.checkpoint()).await;
    assert!(report.unwrap().is_right());
    live.faults().on(Call::Merge).fail_with(PortError::Timeout);
    let ports = Ports { live: live.clone(), ..world.ports() };
    let failed = rebuild(ports, Scope::All).from_truth(None, &world.checkpoint()).await;
    assert!(matches!(failed, Err(RebuildError::Port { .. })), "{failed:?}");
    assert!(world.path().exists(), "it can be resumed");
}
