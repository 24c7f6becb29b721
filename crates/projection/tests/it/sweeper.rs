//! The sweeper: what a sink missed reaches it, at the price of what it missed.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{Leases, LiveCounts, OutageWindows, PostStore, ReactionStore, Snapshots};
use kudos_core::{Kind, PortError, Post, PostId};
use kudos_degraded::Observer;
use kudos_projection::{Deliveries, LiveSink, LogSink, Sink, Sweeper, SweeperSettings};
use kudos_testkit::{
    Call, Faulty, MemoryJournal, MemoryLeases, MemoryLive, MemoryTopic, MemoryTruth, TokioClock,
};
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{NOW, eventually, op, post};

/// Longer than a window.
const OVER: Duration = Duration::from_secs(11);

struct World {
    truth: Arc<Faulty<MemoryTruth>>,
    live: Arc<Faulty<MemoryLive>>,
    log: Arc<Faulty<MemoryTopic>>,
    journal: Arc<MemoryJournal<TokioClock>>,
    windows: Arc<Faulty<MemoryJournal<TokioClock>>>,
    leases: Arc<Faulty<MemoryLeases>>,
    settings: SweeperSettings,
}

impl World {
    fn new() -> Self {
        let journal = Arc::new(MemoryJournal::new(TokioClock::start()));
        Self {
            truth: Arc::new(Faulty::new(MemoryTruth::new())),
            live: Arc::new(Faulty::new(MemoryLive::new())),
            log: Arc::new(Faulty::new(MemoryTopic::new(1))),
            windows: Arc::new(Faulty::around(journal.clone())),
            journal,
            leases: Arc::new(Faulty::new(MemoryLeases::new())),
            settings: SweeperSettings::default(),
        }
    }

    fn sinks(&self) -> Vec<Arc<dyn Sink>> {
        vec![Arc::new(LiveSink(self.live.clone())), Arc::new(LogSink(self.log.clone()))]
    }

    fn sweep(&self, instance: &str) -> DropGuard {
        let truth: Arc<dyn Snapshots> = self.truth.clone();
        let (windows, leases): (Arc<dyn OutageWindows>, Arc<dyn Leases>) =
            (self.windows.clone(), self.leases.clone());
        let (observer, settings): (Arc<dyn Observer>, _) = (Arc::new(()), self.settings.clone());
        let sweeper =
            Sweeper::new(windows, &truth, self.sinks(), leases, instance, &observer, settings);
        let (sweeper, stop) = (sweeper.unwrap(), CancellationToken::new());
        let stopped = stop.clone();
        tokio::spawn(async move { sweeper.run(stopped).await });
        stop.drop_guard()
    }

    /// A like as a writer does it.
    async fn like(&self, post: &PostId, user: &str) {
        let op = op(user, post, user, Some(Kind(0)));
        let deliveries = self.deliveries();
        let covered = deliveries.cover(post).await.unwrap();
        let applied = self.truth.inner().apply(op.clone()).await.unwrap();
        covered.tell_change(&applied.change(&op.user).unwrap()).await;
    }

    fn deliveries(&self) -> Deliveries {
        let truth: Arc<dyn Snapshots> = self.truth.inner().clone();
        let (budget, observer) = (Duration::from_millis(40), Arc::new(()) as Arc<dyn Observer>);
        Deliveries::new(self.sinks(), self.journal.clone(), truth, budget, &observer)
    }

    /// A like of which live does not learn, in a window that is over.
    async fn miss(&self, post: &PostId) {
        self.live.faults().fail_with(PortError::Timeout);
        self.like(post, "u").await;
        self.live.faults().heal();
        self.window_ends().await;
    }

    /// The window is over, and its writer looks at it.
    async fn window_ends(&self) {
        sleep(OVER).await;
        self.journal.close_windows();
    }

    async fn live_total(&self, post: &PostId) -> Option<u64> {
        let states = self.live.inner().states(std::slice::from_ref(post)).await.unwrap();
        states[0].as_ref().map(|state| state.counts.total())
    }

    async fn logged(&self) -> usize {
        self.log.inner().behind()
    }

    async fn swept(&self) {
        eventually("swept", || self.journal.windows() == 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_missed_is_delivered_and_what_it_had_is_not() {
    let world = World::new();
    let _sweeper = world.sweep("a");
    world.like(&post("well"), "u").await;
    world.window_ends().await;
    world.live.faults().fail_with(PortError::Timeout);
    world.like(&post("missed"), "u").await;
    world.live.faults().heal();
    assert_eq!((world.live_total(&post("missed")).await, world.logged().await), (None, 2));
    world.window_ends().await;
    world.swept().await;
    assert_eq!((world.live_total(&post("missed")).await, world.logged().await), (Some(1), 2));
    assert_eq!(world.live.faults().calls(Call::Merge), 3);
}

#[tokio::test(start_paused = true)]
async fn a_sick_sink_holds_no_other_and_is_told_when_it_is_back() {
    let world = World::new();
    let _sweeper = world.sweep("a");
    let both = [world.live.faults(), world.log.faults()];
    both.iter().for_each(|faults| faults.fail_with(PortError::Timeout));
    for i in 0..500 {
        world.like(&post(i), "u").await;
    }
    world.live.faults().heal();
    world.log.faults().hang();
    world.window_ends().await;
    sleep(Duration::from_secs(4)).await;
    for i in 0..500 {
        assert_eq!(world.live_total(&post(i)).await, Some(1));
    }
    let told = world.live.faults().calls(Call::Merge);
    sleep(Duration::from_secs(120)).await;
    assert_eq!(world.live.faults().calls(Call::Merge), told, "live is told once");
    assert_eq!(world.journal.windows(), 1);
    world.log.faults().heal();
    world.swept().await;
    assert_eq!(world.logged().await, 500);
}

#[tokio::test(start_paused = true)]
async fn windows_behind_those_of_a_sick_sink_are_seen() {
    let mut world = World::new();
    world.settings.windows = 2;
    let _sweeper = world.sweep("a");
    world.log.faults().fail_with(PortError::Timeout);
    for i in 0..10 {
        world.like(&post(i), "u").await;
        world.window_ends().await;
    }
    world.live.faults().fail_with(PortError::Timeout);
    world.like(&post("behind"), "u").await;
    world.live.faults().heal();
    world.window_ends().await;
    sleep(Duration::from_secs(30)).await;
    assert_eq!(world.live_total(&post("behind")).await, Some(1));
    world.log.faults().heal();
    world.swept().await;
}

#[tokio::test(start_paused = true)]
async fn a_post_in_many_windows_is_delivered_once() {
    let world = World::new();
    world.live.faults().fail_with(PortError::Timeout);
    for i in 0..20 {
        world.like(&post("p"), &i.to_string()).await;
        world.window_ends().await;
    }
    world.live.faults().heal();
    let before = world.live.faults().calls(Call::Merge);
    let _sweeper = world.sweep("a");
    world.swept().await;
    assert_eq!(world.live_total(&post("p")).await, Some(20));
    assert_eq!(world.live.faults().calls(Call::Merge), before + 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_writer_left_open_is_settled_and_told_to_every_sink() {
    let world = World::new();
    let _sweeper = world.sweep("a");
    let deliveries = world.deliveries();
    let mut covered = deliveries.cover(&post("p")).await.unwrap();
    covered.doubt();
    world.truth.inner().apply(op("k", &post("p"), "u", Some(Kind(0)))).await.unwrap();
    world.journal.crash();
    drop(covered);
    world.swept().await;
    assert_eq!((world.live_total(&post("p")).await, world.logged().await), (Some(1), 1));
    assert!(world.truth.faults().calls(Call::Settle) >= 1);
}

#[tokio::test(start_paused = true)]
async fn a_journal_or_truth_that_fails_delays_and_loses_nothing() {
    let world = World::new();
    world.live.faults().fail_with(PortError::Timeout);
    for i in 0..300 {
        world.like(&post(i), "u").await;
    }
    world.live.faults().heal();
    world.window_ends().await;
    world.windows.faults().on(Call::Due).next(2).fail_with(PortError::Timeout);
    world.windows.faults().on(Call::WindowPosts).next(2).hang();
    world.windows.faults().on(Call::Told).next(2).lose_answers();
    world.truth.faults().on(Call::Snapshots).next(3).fail_with(PortError::Timeout);
    world.live.faults().on(Call::Merge).next(2).lose_answers();
    let _sweeper = world.sweep("a");
    world.swept().await;
    for i in 0..300 {
        assert_eq!(world.live_total(&post(i)).await, Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_two_sweeps_and_the_other_takes_over() {
    let world = World::new();
    let first = world.sweep("a");
    sleep(Duration::from_secs(1)).await;
    let _second = world.sweep("b");
    world.miss(&post(0)).await;
    world.swept().await;
    // As one that is killed: it does not give its lease back.
    world.leases.faults().on(Call::Release).hang();
    drop(first);
    world.miss(&post(1)).await;
    world.swept().await;
    assert_eq!(world.live_total(&post(1)).await, Some(1));
}

/// A snapshot that was read before a post was hidden arrives after it was hidden.
#[tokio::test(start_paused = true)]
async fn a_post_hidden_while_it_is_delivered_stays_hidden() {
    let world = World::new();
    let p = post("p");
    let (title, body, author) = (String::new(), String::new(), String::new());
    let stored = Post { id: p.clone(), title, body, author, created_at: NOW };
    world.truth.inner().upsert(&stored).await.unwrap();
    world.live.faults().fail_with(PortError::Timeout);
    world.like(&p, "u").await;
    world.live.faults().heal();
    world.window_ends().await;
    world.live.faults().on(Call::Hide).next(1).delay(Duration::from_millis(500));
    let _sweeper = world.sweep("a");
    world.live.faults().called(Call::Hide, 1).await;
    let deliveries = world.deliveries();
    let covered = deliveries.cover(&p).await.unwrap();
    world.truth.inner().hide(&p).await.unwrap();
    covered.tell_post(&p).await;
    assert_eq!(world.live.inner().top(None, 10).await.unwrap(), []);
    world.window_ends().await;
    world.swept().await;
    assert_eq!(world.live.inner().top(None, 10).await.unwrap(), []);
}
