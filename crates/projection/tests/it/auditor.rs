//! The auditor finds what has drifted, only that, and repairs it.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{LiveCounts, Projection, ReactionStore, Share, Snapshots};
use kudos_core::{Counts, Kind, Millis, PostId, PostState, Version};
use kudos_degraded::Observer;
use kudos_projection::{AuditReport, Auditor, AuditorSettings, Drift};
use kudos_testkit::{
    Call, Faulty, MemoryLeases, MemoryLive, MemoryProjection, MemoryTruth, WithRows,
};
use tokio::time::{Instant, sleep};

use crate::support::{op, post};

struct World {
    truth: Arc<MemoryTruth>,
    live: Arc<Faulty<MemoryLive>>,
    index: Arc<MemoryProjection>,
    settings: AuditorSettings,
}

impl World {
    /// Ten posts, each with as many likes as its number says, and copies that know.
    async fn new() -> Self {
        let world = Self {
            truth: Arc::new(MemoryTruth::new()),
            live: Arc::new(Faulty::new(MemoryLive::new())),
            index: Arc::new(MemoryProjection::new("index")),
            settings: AuditorSettings { recount_every: 1, ..AuditorSettings::default() },
        };
        for i in 0..10 {
            for user in 0..=i {
                world.like(&post(i), &user.to_string()).await;
            }
        }
        world
    }

    async fn like(&self, post: &PostId, user: &str) {
        let applied = self.truth.apply(op(user, post, user, Some(Kind(0)))).await.unwrap();
        self.live.inner().merge(&[applied.state]).await.unwrap();
    }

    async fn audit(&self) -> AuditReport {
        self.audit_of(self.truth.clone()).await
    }

    async fn audit_of(&self, truth: Arc<dyn Snapshots>) -> AuditReport {
        let (leases, observer) = (Arc::new(MemoryLeases::new()), Arc::new(()));
        let observer: Arc<dyn Observer> = observer;
        let index: Vec<Arc<dyn Projection>> = vec![self.index.clone()];
        let (live, settings) = (self.live.clone(), self.settings.clone());
        let auditor = Auditor::new(truth, live, index, leases, "a", &observer, settings);
        auditor.unwrap().pass(Share::ALL).await.unwrap()
    }

    async fn true_state(&self, i: usize) -> PostState {
        self.truth.states(&[post(i)]).await.unwrap().remove(0).unwrap()
    }

    async fn live_is_exact(&self) {
        for i in 0..10 {
            let held = self.live.inner().states(&[post(i)]).await.unwrap().remove(0);
            assert_eq!(held, Some(self.true_state(i).await));
        }
    }

    /// Replaces what live holds of a post, as no port allows.
    async fn corrupt(&self, state: PostState) {
        self.live.inner().lose(&state.post);
        self.live.inner().merge(&[state]).await.unwrap();
    }
}

fn drifts(report: &AuditReport) -> Vec<(PostId, Drift, bool)> {
    let drifts = report.differences.iter();
    drifts.map(|found| (found.post.clone(), found.drift, found.repaired)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_well_is_clean() {
    let report = World::new().await.audit().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.posts, report.recounted, report.drifted), (10, 10, 0));
}

#[tokio::test(start_paused = true)]
async fn what_live_lost_or_missed_is_found_by_name_and_repaired() {
    let world = World::new().await;
    world.live.inner().lose(&post(3));
    let older = PostState { version: Version(2), ..world.true_state(5).await };
    world.corrupt(older).await;
    let moved = PostState { created_at: Millis(7), ..world.true_state(7).await };
    world.corrupt(moved).await;
    let report = world.audit().await;
    let expected = [
        (post(3), Drift::Missing, true),
        (post(5), Drift::Behind, true),
        (post(7), Drift::Time, true),
    ];
    assert_eq!(drifts(&report), expected);
    assert!(report.is_clean());
    world.live_is_exact().await;
    assert!(world.audit().await.differences.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_repaired_is_said() {
    let world = World::new().await;
    let ahead = PostState { version: Version(99), ..world.true_state(3).await };
    world.corrupt(ahead).await;
    let wrong = PostState { counts: Counts::from_iter([77]), ..world.true_state(5).await };
    world.corrupt(wrong).await;
    let report = world.audit().await;
    assert_eq!(drifts(&report), [(post(3), Drift::Ahead, false), (post(5), Drift::Counts, false)]);
    assert!(!report.is_clean());
}

#[tokio::test(start_paused = true)]
async fn without_leave_nothing_is_repaired() {
    let mut world = World::new().await;
    world.settings.repair = false;
    world.live.inner().lose(&post(3));
    assert_eq!(drifts(&world.audit().await), [(post(3), Drift::Missing, false)]);
    assert_eq!(drifts(&world.audit().await), [(post(3), Drift::Missing, false)]);
}

#[tokio::test(start_paused = true)]
async fn likes_under_way_are_no_drift() {
    let world = Arc::new(World::new().await);
    let liking = tokio::spawn({
        let world = world.clone();
        async move {
            for n in 0..2_000 {
                let (post, user) = (post(n % 10), format!("w{n}"));
                let op = op(&user, &post, &user, Some(Kind(1)));
                let applied = world.truth.apply(op).await.unwrap();
                sleep(Duration::from_millis(3)).await;
                world.live.inner().merge(&[applied.state]).await.unwrap();
            }
        }
    });
    for _ in 0..20 {
        let report = world.audit().await;
        assert_eq!(report.drifted, 0, "{report:?}");
    }
    liking.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rows_that_contradict_their_counts_are_found() {
    let world = World::new().await;
    let truth = WithRows::new(world.truth.clone(), |id, mut counts| {
        if *id == post(4) {
            counts.set(Kind(3), 1);
        }
        Ok(counts)
    });
    let report = world.audit_of(Arc::new(truth)).await;
    let found: Vec<_> = report.differences.iter().map(|f| (f.copy.as_str(), &f.post)).collect();
    assert_eq!(found, [("rows", &post(4))]);
    assert!(!report.is_clean());
}

#[tokio::test(start_paused = true)]
async fn projections_are_put_again_if_asked() {
    let mut world = World::new().await;
    world.settings.put_again = true;
    world.index.refuse(&post(2));
    let report = world.audit().await;
    assert_eq!(drifts(&report), [(post(2), Drift::Refused, false)]);
    for i in (0..10).filter(|&i| i != 2) {
        assert_eq!(world.index.held(&post(i)).unwrap().state, world.true_state(i).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_audit_keeps_its_rate() {
    let mut world = World::new().await;
    (world.settings.posts_per_second, world.settings.page) = (2, 3);
    let begun = Instant::now();
    world.audit().await;
    assert!(begun.elapsed() >= Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_audit_takes_a_tenth_of_the_time_of_a_truth_that_is_slow() {
    let mut world = World::new().await;
    (world.settings.page, world.settings.recount_every) = (5, 0);
    let truth = Arc::new(Faulty::around(world.truth.clone()));
    truth.faults().on(Call::Scan).delay(Duration::from_secs(1));
    let begun = Instant::now();
    world.audit_of(truth).await;
    let took = begun.elapsed();
    assert!((Duration::from_secs(20)..Duration::from_secs(23)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_live_projection_that_does_not_answer_is_no_drift_and_not_clean() {
    let world = World::new().await;
    world.live.faults().hang();
    let report = world.audit().await;
    assert_eq!((report.drifted, report.unsettled), (0, 10));
    assert!(!report.is_clean());
}
