//! From the log, and what it can tell beside the truth.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kudos_core::ports::{EventLog, LiveCounts, PostStore, ReactionStore, Snapshots};
use kudos_core::{Change, Millis};
use kudos_rebuild::{Checkpoint, Progress, Rebuild, Rest, Scope};
use kudos_testkit::scope::NOW;

use crate::support::{HOUR, POSTS, World, apply, limits, rebuild};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The first twenty posts were liked today, and others two days ago; then Redis was emptied.
async fn liked() -> World {
    let world = World::open().await;
    for post in &world.posts[20..40] {
        world.like(post, "old", Millis(NOW.0 - 48 * HOUR)).await;
    }
    for post in world.posts[..20].iter().filter(|post| **post != world.posts[4]) {
        world.like(post, "new", Millis(NOW.0 - HOUR)).await;
        world.like(post, "newer", Millis(NOW.0 - HOUR)).await;
    }
    world.live.clear();
    world
}

#[tokio::test(start_paused = true)]
async fn a_replay_covers_what_changed_since_and_names_the_rest() {
    let world = liked().await;
    let run = world.rebuild();
    let report = run.from_log(&world.log, DAY, Rest::Named, &world.checkpoint()).await.unwrap();
    assert_eq!(report.events, 38);
    assert_eq!(report.verified.differing, POSTS as u64 - 19);
    assert!(!report.is_right());
    let covered = world.live.states(&world.posts[..20]).await.unwrap();
    assert_eq!(covered.iter().flatten().count(), 19);
    let named = &report.verified.differences;
    assert!(named.iter().any(|found| found.post == world.posts[25]));
    assert!(!named.iter().any(|found| found.post == world.posts[3]));
}

#[tokio::test(start_paused = true)]
async fn the_rest_is_taken_from_the_truth_if_asked_for() {
    let world = liked().await;
    let run = world.rebuild();
    let report = run.from_log(&world.log, DAY, Rest::FromTruth, &world.checkpoint()).await.unwrap();
    assert_eq!(report.verified.mended, POSTS as u64 - 19);
    assert!(report.is_right(), "{report:?}");
    world.exact().await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_without_events_since_then_does_not_stop_a_replay() {
    let world = World::open().await;
    world.like(&world.posts[0], "old", Millis(NOW.0 - 48 * HOUR)).await;
    world.like(&world.posts[1], "new", Millis(NOW.0 - HOUR)).await;
    world.live.clear();
    let scope = Scope::Posts(vec![world.posts[1].clone()]);
    let run = rebuild(world.ports(), scope);
    assert_eq!(run.span_of_log(&world.log, DAY).await.unwrap(), 1);
    let report = run.from_log(&world.log, DAY, Rest::Named, &world.checkpoint()).await.unwrap();
    assert!(report.is_right() && report.events == 1, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_post_that_was_hidden_is_told_as_the_truth_has_it_now() {
    let world = liked().await;
    let hidden = &world.posts[2];
    world.truth.hide(hidden).await.unwrap();
    let state = world.truth.states(std::slice::from_ref(hidden)).await.unwrap().remove(0).unwrap();
    world.log.publish(&Change { state, users: Vec::new() }).await.unwrap();
    let scope = Scope::Posts(vec![hidden.clone()]);
    let run = rebuild(world.ports(), scope);
    let report = run.from_log(&world.log, DAY, Rest::Named, &world.checkpoint()).await.unwrap();
    assert!(report.is_right(), "{report:?}");
    assert!(
        world.live.entries(std::slice::from_ref(hidden)).await.unwrap()[0].as_ref().unwrap().hidden
    );
}

#[tokio::test(start_paused = true)]
async fn every_so_many_events_a_line_is_told_and_a_resume_goes_on_from_there() {
    let world = liked().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&told);
    let progress = Arc::new(Progress::new(move |events| lines.lock().unwrap().push(events)));
    let run = Rebuild::new(world.ports(), Scope::All, limits(), Arc::clone(&progress));
    let checkpoint = world.checkpoint();
    let report = run.from_log(&world.log, DAY, Rest::Named, &checkpoint).await.unwrap();
    assert_eq!((report.events, told.lock().unwrap().as_slice()), (38, &[10, 20, 30][..]));

    // As if it had been killed after its replay: what is in the checkpoint is not replayed again,
    // and the end is that of the start, whatever came meanwhile.
    checkpoint.save().await.unwrap();
    world.like(&world.posts[0], "newest", NOW).await;
    world.live.clear();
    let resumed = Checkpoint::resume(&world.path(), "all").await.unwrap();
    let run = Rebuild::new(world.ports(), Scope::All, limits(), progress);
    let again = run.from_log(&world.log, DAY, Rest::FromTruth, &resumed).await.unwrap();
    assert_eq!((again.events, told.lock().unwrap().len()), (38, 3));
    assert!(again.is_right());
    world.exact().await;
}

/// The source notes say that a replay can be more accurate than the truth. It can be newer than what
/// was read from the truth; it cannot be more right, and may be less.
#[tokio::test(start_paused = true)]
async fn an_event_can_be_newer_than_a_read_of_the_truth_and_never_more_right() {
    let world = World::open().await;
    let post = &world.posts[1];
    let read_before = world.truth.snapshots(std::slice::from_ref(post)).await.unwrap();
    world.like(post, "late", NOW).await;
    world.live.clear();
    // A read that lags, told after the event: the event's version wins.
    let scope = || Scope::Posts(vec![post.clone()]);
    let run = rebuild(world.ports(), scope());
    run.from_log(&world.log, DAY, Rest::Named, &world.checkpoint()).await.unwrap();
    let read_before: Vec<_> = read_before.into_iter().flatten().collect();
    world.live.restate(&read_before).await.unwrap();
    let total = async || {
        world.live.states(std::slice::from_ref(post)).await.unwrap()[0]
            .as_ref()
            .unwrap()
            .counts
            .total()
    };
    assert_eq!(total().await, 2);
    // A like whose event never reached the log: the replay cannot know, and says that it does not.
    apply(&world.truth, post, "lost").await;
    let run = rebuild(world.ports(), scope());
    let report = run.from_log(&world.log, DAY, Rest::Named, &world.checkpoint()).await.unwrap();
    assert_eq!((total().await, report.verified.differing), (2, 1));
    let report =
        rebuild(world.ports(), scope()).from_truth(None, &world.checkpoint()).await.unwrap();
    assert!(report.is_right());
    assert_eq!(total().await, 3);
}
