//! The projector: what it puts when, and that nothing stops it for good.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{ChangeFeed, EventLog, PostStore, Projection, ReactionStore, Snapshots};
use kudos_core::{Change, Kind, Operation, PortError, Post, PostId, Snapshot};
use kudos_projection::{Projector, ProjectorSettings};
use kudos_testkit::{Call, Faulty, MemoryProjection, MemoryTopic, MemoryTruth, TokioClock};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::support::{NOW, eventually, op, post};

const PARTITIONS: usize = 4;

/// A truth, a log, and two projections behind faults.
struct World {
    truth: Arc<Faulty<MemoryTruth>>,
    topic: MemoryTopic,
    index: Arc<Faulty<MemoryProjection>>,
    rollup: Arc<Faulty<MemoryProjection>>,
    settings: ProjectorSettings,
    likes: std::cell::Cell<u32>,
}

/// A projector at work.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

impl World {
    fn new() -> Self {
        Self {
            truth: Arc::new(Faulty::new(MemoryTruth::new())),
            topic: MemoryTopic::new(PARTITIONS),
            index: Arc::new(Faulty::new(MemoryProjection::new("index"))),
            rollup: Arc::new(Faulty::new(MemoryProjection::new("rollup"))),
            settings: ProjectorSettings::default(),
            likes: std::cell::Cell::new(0),
        }
    }

    fn start(&self) -> Running {
        self.start_on(Arc::new(self.topic.join()))
    }

    fn start_on(&self, feed: Arc<dyn ChangeFeed>) -> Running {
        let truth: Arc<dyn Snapshots> = self.truth.clone();
        let projections: Vec<Arc<dyn Projection>> = vec![self.index.clone(), self.rollup.clone()];
        let (clock, settings) = (Arc::new(TokioClock::start()), self.settings.clone());
        let projector = Projector::new(feed, truth, projections, clock, settings);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move { projector.run(stopped).await });
        Running { stop, task }
    }

    /// A like by a user of its own, in the truth and in the log.
    async fn like(&self, post: &PostId) {
        let n = self.likes.replace(self.likes.get() + 1);
        self.apply(op(&format!("k{n}"), post, &format!("u{n}"), Some(Kind(0)))).await;
    }

    async fn apply(&self, op: Operation) {
        let applied = self.truth.inner().apply(op.clone()).await.unwrap();
        self.topic.publish(&applied.change(&op.user).unwrap()).await.unwrap();
    }

    fn held(&self, projection: &Faulty<MemoryProjection>, post: &PostId) -> u64 {
        projection.inner().held(post).map_or(0, |held| held.state.counts.total())
    }

    async fn hold(&self, post: &PostId, total: u64) {
        for projection in [&self.index, &self.rollup] {
            eventually("held", || self.held(projection, post) == total).await;
        }
    }

    async fn committed(&self) {
        eventually("committed", || self.topic.behind() == 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cold_post_is_put_at_once_and_then_committed() {
    let (world, p) = (World::new(), post("p"));
    let running = world.start();
    let begun = Instant::now();
    world.like(&p).await;
    world.hold(&p, 1).await;
    assert!(begun.elapsed() <= Duration::from_millis(30), "{:?}", begun.elapsed());
    world.committed().await;
    assert!(begun.elapsed() <= Duration::from_millis(600), "{:?}", begun.elapsed());
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_hot_post_costs_one_put_a_second_and_ends_exact() {
    let (world, hot, cold) = (World::new(), post("hot"), post("cold"));
    let running = world.start();
    for i in 0..500 {
        world.like(&hot).await;
        if i == 250 {
            world.like(&cold).await;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.held(&world.index, &cold), 1);
    world.hold(&hot, 500).await;
    assert!(
        (5..=7).contains(&world.index.inner().puts(&hot)),
        "{}",
        world.index.inner().puts(&hot)
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn many_posts_go_in_one_batch_for_both_projections() {
    let world = World::new();
    let running = world.start();
    for i in 0..300 {
        world.like(&post(i)).await;
    }
    for i in 0..300 {
        world.hold(&post(i), 1).await;
    }
    assert_eq!(world.truth.faults().calls(Call::Snapshots), 1);
    assert_eq!(world.index.faults().calls(Call::Put), 1);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_sick_projection_delays_no_other_and_holds_the_offset() {
    let (world, p) = (World::new(), post("p"));
    let running = world.start();
    world.index.faults().hang();
    world.like(&p).await;
    for total in 2..20 {
        sleep(Duration::from_secs(1)).await;
        world.like(&p).await;
        eventually("rolled up", || world.held(&world.rollup, &p) == total).await;
    }
    assert_eq!((world.held(&world.index, &p), world.topic.behind()), (0, 19));
    world.index.faults().heal();
    world.hold(&p, 19).await;
    world.committed().await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn items_that_have_to_be_sent_again_are_and_the_others_are_not() {
    let world = World::new();
    world.index.inner().busy_for(30);
    let running = world.start();
    for i in 0..100 {
        world.like(&post(i)).await;
    }
    world.committed().await;
    for i in 0..100 {
        let expected = if world.index.inner().puts(&post(i)) == 1 { 1 } else { 2 };
        assert_eq!(world.index.inner().puts(&post(i)), expected);
        world.hold(&post(i), 1).await;
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_post_is_set_aside_and_stops_nobody() {
    let (world, bad, good) = (World::new(), post("bad"), post("good"));
    world.index.inner().refuse(&bad);
    let running = world.start();
    world.like(&bad).await;
    world.like(&good).await;
    world.hold(&good, 1).await;
    world.committed().await;
    let aside = world.topic.aside();
    assert_eq!(aside.len(), 1);
    let change = aside[0].0.change.as_ref().unwrap();
    assert_eq!((&change.state.post, aside[0].1.starts_with("index: ")), (&bad, true));
    assert_eq!(world.held(&world.rollup, &bad), 1);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_set_aside_before_it_is_committed() {
    let (world, p) = (World::new(), post("p"));
    let feed = Arc::new(Faulty::new(world.topic.join()));
    let faults = feed.faults();
    faults.on(Call::SetAside).next(3).fail_with(PortError::Timeout);
    let running = world.start_on(feed);
    for partition in 0..PARTITIONS {
        world.topic.poison(partition, "not a change");
    }
    world.like(&p).await;
    world.hold(&p, 1).await;
    world.committed().await;
    assert_eq!((world.topic.aside().len(), faults.calls(Call::SetAside)), (PARTITIONS, 7));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_truth_or_feed_that_fails_is_asked_again() {
    let (world, p) = (World::new(), post("p"));
    let feed = Arc::new(Faulty::new(world.topic.join()));
    feed.faults().on(Call::Next).next(3).fail_with(PortError::Timeout);
    feed.faults().on(Call::Commit).next(2).lose_answers();
    world.truth.faults().on(Call::Snapshots).next(1).hang();
    world.truth.faults().on(Call::Snapshots).next(2).fail_with(PortError::Timeout);
    let running = world.start_on(feed);
    world.like(&p).await;
    world.hold(&p, 1).await;
    world.committed().await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_feed_waits_while_as_much_is_pending_as_may_be() {
    let mut world = World::new();
    (world.settings.pending_records, world.settings.batch) = (40, 10);
    let feed = Arc::new(Faulty::new(world.topic.join()));
    let faults = feed.faults();
    world.index.faults().fail_with(PortError::Timeout);
    let running = world.start_on(feed);
    for i in 0..200 {
        world.like(&post(i)).await;
    }
    sleep(Duration::from_secs(60)).await;
    assert_eq!(faults.calls(Call::Next), 4);
    world.index.faults().heal();
    world.committed().await;
    for i in 0..200 {
        world.hold(&post(i), 1).await;
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_puts_and_commits_what_is_pending() {
    let (world, p) = (World::new(), post("p"));
    let running = world.start();
    for _ in 0..50 {
        world.like(&p).await;
        sleep(Duration::from_millis(10)).await;
    }
    let begun = Instant::now();
    running.stop().await;
    assert!(begun.elapsed() < Duration::from_millis(10), "{:?}", begun.elapsed());
    assert_eq!((world.held(&world.index, &p), world.held(&world.rollup, &p)), (50, 50));
    assert_eq!(world.topic.behind(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_ever_and_commits_nothing_that_is_not_held() {
    let (world, p) = (World::new(), post("p"));
    world.index.faults().hang();
    let running = world.start();
    world.like(&p).await;
    sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    running.stop().await;
    assert!(begun.elapsed() <= Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(world.topic.behind(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_killed_projector_is_told_again() {
    let world = World::new();
    let mut rng = fastrand::Rng::with_seed(7);
    for projection in [&world.index, &world.rollup] {
        projection.faults().delay(Duration::from_millis(15));
    }
    world.truth.faults().delay(Duration::from_millis(5));
    let mut likes = [0; 20];
    for _ in 0..200 {
        let running = world.start();
        for _ in 0..5 {
            let i = rng.usize(..likes.len());
            likes[i] += 1;
            world.like(&post(i)).await;
        }
        sleep(Duration::from_millis(rng.u64(..60))).await;
        running.kill().await;
    }
    let running = world.start();
    world.committed().await;
    for (i, likes) in likes.into_iter().enumerate() {
        world.hold(&post(i), likes).await;
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn two_projectors_share_the_work_and_one_takes_over() {
    let world = World::new();
    let (one, two) = (world.start(), world.start());
    for i in 0..50 {
        world.like(&post(i)).await;
    }
    world.committed().await;
    for i in 0..50 {
        world.like(&post(i)).await;
    }
    one.kill().await;
    for i in 0..50 {
        world.hold(&post(i), 2).await;
    }
    world.committed().await;
    two.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_log_delivered_three_times_over_and_shuffled_changes_nothing() {
    let world = World::new();
    let running = world.start();
    for i in 0..100 {
        world.like(&post(i % 20)).await;
    }
    world.committed().await;
    world.topic.redeliver(3, &mut fastrand::Rng::with_seed(1));
    world.committed().await;
    for i in 0..20 {
        world.hold(&post(i), 5).await;
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_hidden_post_is_told_as_hidden() {
    let (world, p) = (World::new(), post("p"));
    let (id, created_at, text) = (p.clone(), NOW, String::new());
    let (title, body, author) = (text.clone(), text.clone(), text);
    world.truth.inner().upsert(&Post { id, title, body, author, created_at }).await.unwrap();
    let running = world.start();
    world.like(&p).await;
    world.hold(&p, 1).await;
    world.truth.inner().hide(&p).await.unwrap();
    let Snapshot { state, .. } = world.truth.inner().settle(&p).await.unwrap().unwrap();
    world.topic.publish(&Change { state, users: Vec::new() }).await.unwrap();
    let hidden = || world.index.inner().held(&p).is_some_and(|held| held.hidden);
    eventually("hidden", hidden).await;
    running.stop().await;
}
