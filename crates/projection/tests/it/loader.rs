//! What live counts have lost is noticed, and told again: no more than that.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{
    Completeness, EventLog, LiveCounts, Loss, OutageJournal, OutageWindows, PostStore,
    ReactionStore, Snapshots,
};
use kudos_core::{Change, Clock, Kind, PortError, Post, PostId, UserId};
use kudos_degraded::Observer;
use kudos_projection::{LiveSink, Loader, LoaderPorts, LoaderSettings, Sink};
use kudos_testkit::{
    Call, Faulty, MemoryJournal, MemoryLeases, MemoryLive, MemoryTopic, MemoryTruth, TokioClock,
};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::{NOW, eventually, op, post};

const POSTS: usize = 40;

struct World {
    truth: Arc<Faulty<MemoryTruth>>,
    live: Arc<Faulty<MemoryLive>>,
    log: Arc<Faulty<MemoryTopic>>,
    journal: Arc<MemoryJournal<TokioClock>>,
    leases: Arc<MemoryLeases>,
    clock: TokioClock,
    posts: Vec<PostId>,
}

impl World {
    /// Posts that everybody knows, and time enough since then that they are old news.
    async fn open() -> Self {
        let clock = TokioClock::start();
        let topic = MemoryTopic::timed(3, Arc::new(clock));
        let world = Self {
            truth: Arc::new(Faulty::new(MemoryTruth::new())),
            live: Arc::new(Faulty::new(MemoryLive::new())),
            log: Arc::new(Faulty::new(topic)),
            journal: Arc::new(MemoryJournal::new(clock)),
            leases: Arc::new(MemoryLeases::new()),
            clock,
            posts: (0..POSTS).map(|i| post(format!("p{i}"))).collect(),
        };
        for id in &world.posts {
            let (title, body, author) = (String::new(), String::new(), String::new());
            let post = Post { id: id.clone(), title, body, author, created_at: NOW };
            world.truth.inner().upsert(&post).await.unwrap();
        }
        let snapshots = world.truth.inner().snapshots(&world.posts).await.unwrap();
        let snapshots: Vec<_> = snapshots.into_iter().flatten().collect();
        LiveSink(world.live.inner().clone()).restate(&snapshots).await.unwrap();
        for id in &world.posts {
            world.like(id, "ann").await;
        }
        sleep(Duration::from_secs(600)).await;
        world
    }

    async fn apply(&self, post: &PostId, user: &str) -> Change {
        let applied = self.truth.inner().apply(op(user, post, user, Some(Kind(0)))).await.unwrap();
        applied.change(&UserId::new(user).unwrap()).unwrap()
    }

    /// As a writer does to whom nothing happens.
    async fn like(&self, post: &PostId, user: &str) {
        let change = self.apply(post, user).await;
        self.live.inner().merge(std::slice::from_ref(&change.state)).await.unwrap();
        self.log.inner().publish(&change).await.unwrap();
    }

    fn start(&self, name: &str) -> (Arc<Loader>, JoinHandle<()>) {
        self.start_with(name, self.live.inner().clone(), LoaderSettings::default())
    }

    fn start_with(
        &self,
        name: &str,
        completeness: Arc<dyn Completeness>,
        settings: LoaderSettings,
    ) -> (Arc<Loader>, JoinHandle<()>) {
        let ports = LoaderPorts {
            truth: self.truth.clone(),
            sink: Arc::new(LiveSink(self.live.clone())),
            completeness,
            marks: self.live.clone(),
            log: self.log.clone(),
            windows: self.journal.clone(),
            leases: self.leases.clone(),
            clock: Arc::new(self.clock),
        };
        let observer: Arc<dyn Observer> = Arc::new(());
        let loader = Arc::new(Loader::new(ports, name, &observer, settings).unwrap());
        let running = loader.clone();
        let task = tokio::spawn(async move { running.run(CancellationToken::new()).await });
        (loader, task)
    }

    /// One that has found its first marks, which nobody had written before it.
    async fn watched(&self) -> Arc<Loader> {
        let (loader, _) = self.start("a");
        eventually("all is told once", || loader.loaded() as usize == POSTS).await;
        sleep(Duration::from_secs(120)).await;
        assert_eq!(loader.loaded() as usize, POSTS);
        loader
    }

    async fn is_exact(&self) -> bool {
        let truth = self.truth.inner().states(&self.posts).await.unwrap();
        self.live.inner().states(&self.posts).await.unwrap() == truth
    }

    async fn exact(&self) {
        for _ in 0..600 {
            if self.is_exact().await {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("not exact within a minute");
    }

    /// Every part falls back to a copy.
    fn fall_back(&self, to: &MemoryLive) {
        (0..4).for_each(|part| self.live.inner().roll_back(part, to));
    }
}

#[tokio::test(start_paused = true)]
async fn what_changed_since_a_copy_was_made_is_told_again_and_nothing_else() {
    let world = World::open().await;
    let loader = world.watched().await;
    let copy = world.live.inner().fork();
    let began = world.clock.now();
    for id in &world.posts[..5] {
        world.like(id, "ben").await;
    }
    sleep(Duration::from_secs(3)).await;
    world.fall_back(&copy);
    assert!(!world.is_exact().await);
    world.exact().await;
    sleep(Duration::from_secs(120)).await;
    assert_eq!(loader.loaded() as usize, POSTS + 5);
    let rebuild = loader.last_rebuild().expect("a loss was made up for");
    assert_eq!(rebuild.posts, 5, "what the loader told before is another rebuild's");
    assert!(rebuild.at > began, "{rebuild:?}");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_was_emptied_is_loaded_and_no_other() {
    let world = World::open().await;
    let loader = world.watched().await;
    world.live.inner().roll_back(1, &MemoryLive::new());
    let held = world.live.inner().states(&world.posts).await.unwrap();
    let emptied = held.iter().filter(|state| state.is_none()).count();
    assert!((1..POSTS).contains(&emptied), "{emptied}");
    world.exact().await;
    sleep(Duration::from_secs(120)).await;
    assert_eq!(loader.loaded() as usize, POSTS + emptied);
}

#[tokio::test(start_paused = true)]
async fn what_the_log_missed_is_told_too() {
    let world = World::open().await;
    let _loader = world.watched().await;
    let (copy, id) = (world.live.inner().fork(), &world.posts[0]);
    let ticket = world.journal.cover(id).await.unwrap();
    let change = world.apply(id, "ben").await;
    world.live.inner().merge(&[change.state]).await.unwrap();
    world.journal.missed(ticket, "log");
    world.journal.end(ticket);
    sleep(Duration::from_secs(2)).await;
    world.fall_back(&copy);
    // The window is open for some seconds yet: only then it is known who missed what.
    sleep(Duration::from_secs(9)).await;
    world.journal.close_windows();
    assert!(!world.is_exact().await);
    world.exact().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_swept_just_before_a_loss_is_told_again() {
    let world = World::open().await;
    let _loader = world.watched().await;
    let id = &world.posts[0];
    // Told to the log at once, and to the live counts two minutes later.
    let ticket = world.journal.cover(id).await.unwrap();
    let change = world.apply(id, "ben").await;
    world.log.inner().publish(&change).await.unwrap();
    world.journal.missed(ticket, "live");
    world.journal.end(ticket);
    sleep(Duration::from_secs(11)).await;
    world.journal.close_windows();
    sleep(Duration::from_secs(110)).await;
    let copy = world.live.inner().fork();
    world.live.inner().merge(&[change.state]).await.unwrap();
    let windows: &dyn OutageWindows = &*world.journal;
    for window in windows.due(10).await.unwrap() {
        windows.told(&window, &[]).await.unwrap();
    }
    sleep(Duration::from_secs(2)).await;
    world.fall_back(&copy);
    world.exact().await;
}

#[tokio::test(start_paused = true)]
async fn who_takes_over_goes_on_with_what_another_left() {
    let world = World::open().await;
    let (loader, task) = world.start("a");
    eventually("all is told once", || loader.loaded() as usize == POSTS).await;
    sleep(Duration::from_secs(120)).await;
    world.truth.faults().hang();
    world.live.inner().roll_back(2, &MemoryLive::new());
    sleep(Duration::from_secs(5)).await;
    task.abort();
    world.truth.faults().heal();
    assert!(!world.is_exact().await);
    world.start("b");
    world.exact().await;
}

#[tokio::test(start_paused = true)]
async fn a_mark_whose_answer_was_lost_is_no_loss() {
    let world = World::open().await;
    let loader = world.watched().await;
    world.live.faults().on(Call::Exchange).next(1).lose_answers();
    sleep(Duration::from_secs(120)).await;
    assert_eq!(loader.loaded() as usize, POSTS);
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_while_it_is_loaded_is_loaded_anew() {
    let world = World::open().await;
    let settings = LoaderSettings { page: 4, ..LoaderSettings::default() };
    let (loader, _) = world.start_with("a", world.live.inner().clone(), settings);
    eventually("all is told once", || loader.loaded() as usize == POSTS).await;
    sleep(Duration::from_secs(120)).await;
    world.truth.faults().on(Call::Scan).delay(Duration::from_secs(3));
    world.live.inner().roll_back(0, &MemoryLive::new());
    let copy = world.live.inner().fork();
    // In the middle of the load: what it has told so far is lost again.
    eventually("a page is told", || loader.loaded() as usize > POSTS).await;
    world.live.inner().roll_back(0, &copy);
    world.exact().await;
}

#[tokio::test(start_paused = true)]
async fn a_loss_does_not_wait_until_another_is_made_up_for() {
    let world = World::open().await;
    let _loader = world.watched().await;
    let copy = world.live.inner().fork();
    world.like(&world.posts[0], "ben").await;
    sleep(Duration::from_secs(2)).await;
    world.fall_back(&copy);
    world.exact().await;
    // The log is looked at once more, a while later: until then the first loss is not made up for.
    let empty = MemoryLive::new();
    (0..4).for_each(|part| world.live.inner().roll_back(part, &empty));
    sleep(Duration::from_secs(3)).await;
    assert!(world.is_exact().await);
}

/// Whether live is complete: by the number of times that it was lost.
#[derive(Default)]
struct Flushes(Mutex<(u32, u32)>);

#[async_trait]
impl Completeness for Flushes {
    async fn missing(&self) -> Result<Option<Loss>, PortError> {
        let (lost, marked) = *self.0.lock().unwrap();
        Ok((lost != marked).then(|| Loss(lost.to_string())))
    }

    async fn mark_complete(&self, loss: &Loss) -> Result<bool, PortError> {
        let mut losses = self.0.lock().unwrap();
        let same = loss.0 == losses.0.to_string();
        if same {
            losses.1 = losses.0;
        }
        Ok(same)
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_flushed_is_loaded_while_likes_arrive_and_again_if_flushed_meanwhile() {
    let world = World::open().await;
    let flushes = Arc::new(Flushes::default());
    let settings = LoaderSettings { page: 2, posts_per_second: 8, ..LoaderSettings::default() };
    let (loader, _) = world.start_with("a", flushes.clone(), settings);
    for round in 0..2 {
        world.live.inner().clear();
        flushes.0.lock().unwrap().0 += 1;
        world.live.faults().on(Call::Merge).next(2).fail_with(PortError::Timeout);
        sleep(Duration::from_millis(1_500)).await;
        world.like(&post(format!("p{round}")), &format!("late{round}")).await;
    }
    let is_complete = || {
        let (lost, marked) = *flushes.0.lock().unwrap();
        lost == marked
    };
    eventually("complete", is_complete).await;
    world.exact().await;
    assert!(loader.loaded() as usize > POSTS, "{}", loader.loaded());
}
