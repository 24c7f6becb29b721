//! Differences are found by name, only those, and mended.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use kudos_core::ports::{Facts, Mirror, PostStore, ReactionStore, Said, Share, Snapshots};
use kudos_core::{Counts, Kind, Kinds, Operation, PortError, PostId, Snapshot, UserId};
use kudos_testkit::scope::NOW;
use kudos_testkit::{Call, Faulty, MemoryMirror, MemoryTruth, Scope, WithRows};
use kudos_verify::{Difference, Progress, Report, Verifier, VerifySettings, Wrong};
use tokio_util::sync::CancellationToken;

const POSTS: usize = 10;

struct World {
    truth: Arc<MemoryTruth>,
    hashes: Arc<MemoryMirror>,
    index: Arc<MemoryMirror>,
    settings: VerifySettings,
}

fn post(n: usize) -> PostId {
    PostId::new(&n.to_string()).unwrap()
}

impl World {
    /// Ten posts, each with as many likes as its number says, and copies that know.
    async fn new() -> Self {
        let world = Self {
            truth: Arc::new(MemoryTruth::new()),
            hashes: Arc::new(MemoryMirror::new("hashes")),
            index: Arc::new(MemoryMirror::new("index")),
            settings: VerifySettings { rows_every: 1, page: 3, ..VerifySettings::default() },
        };
        for n in 0..POSTS {
            for user in 0..=n {
                world.like(&post(n), &format!("u{user}")).await;
            }
            world.tell(n).await;
        }
        world
    }

    async fn like(&self, post: &PostId, user: &str) {
        let user = UserId::new(user).unwrap();
        let like = Operation::keyed(user.as_str(), post.clone(), user.clone(), Some(Kind(0)), NOW);
        self.truth.apply(like).await.unwrap();
    }

    async fn truth_of(&self, n: usize) -> Snapshot {
        self.truth.snapshots(&[post(n)]).await.unwrap().remove(0).unwrap()
    }

    async fn tell(&self, n: usize) {
        let truth = self.truth_of(n).await;
        for copy in [&self.hashes, &self.index] {
            copy.tell(std::slice::from_ref(&truth)).await.unwrap();
        }
    }

    fn verifier(&self) -> Verifier {
        self.verifier_of(self.truth.clone())
    }

    fn verifier_of(&self, truth: Arc<dyn Snapshots>) -> Verifier {
        let mirrors: Vec<Arc<dyn Mirror>> = vec![self.hashes.clone(), self.index.clone()];
        Verifier::new(truth, mirrors, &Kinds::default(), self.settings.clone())
    }

    async fn verify(&self) -> Report {
        let (stop, mut progress) = (CancellationToken::new(), |_: Progress| {});
        self.verifier().run(Share::ALL, &mut progress, &stop).await
    }

    /// A copy of a post that says a wrong count under the right version.
    async fn corrupt(&self, copy: &MemoryMirror, n: usize) {
        let version = self.truth_of(n).await.state.version.0;
        copy.set(&post(n), facts(version, 77));
    }
}

fn facts(version: u64, likes: u64) -> Facts {
    let counts = Counts::from_iter([likes]);
    let version = Facts::new().with(Facts::VERSION, Said::Number(version));
    version.with_counts(&counts, &Kinds::default())
}

fn found(report: &Report) -> Vec<(PostId, &'static str, Wrong, Option<bool>)> {
    let line = |found: &Difference| (found.post.clone(), found.copy, found.wrong, found.mended);
    let mut lines: Vec<_> = report.differences.iter().map(line).collect();
    lines.sort_by_key(|line| (line.0.clone(), line.1));
    lines
}

/// One of each kind.
async fn spoil(world: &World) -> Vec<(PostId, &'static str, Wrong, Option<bool>)> {
    world.hashes.lose(&post(1));
    world.corrupt(&world.index, 2).await;
    world.hashes.set(&post(3), facts(1, 1));
    world.index.set(&post(4), facts(99, 5));
    world.hashes.stray(&post(5), "elsewhere");
    world.index.set(&PostId::new("nobody").unwrap(), facts(1, 1));
    [
        (post(1), "hashes", Wrong::Missing, None),
        (post(2), "index", Wrong::Different, None),
        (post(3), "hashes", Wrong::Behind, None),
        (post(4), "index", Wrong::Ahead, None),
        (post(5), "hashes", Wrong::Stranger, None),
        (PostId::new("nobody").unwrap(), "index", Wrong::Stranger, None),
    ]
    .into()
}

#[tokio::test(start_paused = true)]
async fn what_is_well_is_clean() {
    let report = World::new().await.verify().await;
    assert!(report.is_complete() && report.is_clean(), "{report:?}");
    assert_eq!((report.posts, report.recounted, report.unsettled), (10, 10, 0));
    for copy in report.copies {
        assert_eq!((copy.compared, copy.searched, copy.differing), (10, 10, 0), "{}", copy.copy);
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_difference_is_named_by_post_and_copy() {
    let world = World::new().await;
    let expected = spoil(&world).await;
    let report = world.verify().await;
    assert_eq!(found(&report), expected);
    assert_eq!((report.differing, report.mended), (6, 0));
    assert!(report.is_complete() && !report.is_clean());
    let wrong = report.differences.iter().find(|found| found.post == post(2)).unwrap();
    let [field] = &*wrong.fields else { panic!("{wrong:?}") };
    let said = (field.name.as_str(), field.truth, field.found);
    assert_eq!(said, ("like", Some(Said::Number(3)), Some(Said::Number(77))));
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_difference_is_mended_also_what_no_merge_would() {
    let mut world = World::new().await;
    let spoilt = spoil(&world).await.into_iter();
    let expected: Vec<_> =
        spoilt.map(|(post, copy, wrong, _)| (post, copy, wrong, Some(true))).collect();
    world.settings.mend = true;
    let report = world.verify().await;
    assert_eq!(found(&report), expected);
    assert!(report.is_clean(), "{report:?}");
    let again = world.verify().await;
    assert_eq!(found(&again), []);
}

#[tokio::test(start_paused = true)]
async fn posts_are_examined_and_mended_by_name_and_no_others() {
    let mut world = World::new().await;
    spoil(&world).await;
    world.settings.mend = true;
    let nowhere = PostId::new("nowhere").unwrap();
    let posts = [post(2), post(5), PostId::new("nobody").unwrap(), nowhere.clone(), post(6)];
    let report = world.verifier().examine(&posts, &CancellationToken::new()).await;
    let expected = [
        (post(2), "index", Wrong::Different, Some(true)),
        (post(5), "hashes", Wrong::Stranger, Some(true)),
        (PostId::new("nobody").unwrap(), "index", Wrong::Stranger, Some(true)),
    ];
    assert_eq!(found(&report), expected);
    assert_eq!((report.posts, report.recounted, report.unknown), (3, 3, vec![nowhere]));
    assert_eq!(world.verify().await.differing, 3);
}

#[tokio::test(start_paused = true)]
async fn a_hidden_post_that_is_shown_is_found_and_hidden() {
    let mut world = World::new().await;
    let scope = Scope::new();
    let stored = scope.written("p", "title", 0);
    world.truth.upsert(&stored).await.unwrap();
    world.truth.hide(&stored.id).await.unwrap();
    world.index.set(&stored.id, facts(1, 1));
    world.settings.mend = true;
    let report = world.verify().await;
    assert_eq!(found(&report), [(stored.id.clone(), "index", Wrong::Stranger, Some(true))]);
    assert!(world.index.facts(&stored.id).is_empty());
}

#[tokio::test(start_paused = true)]
async fn likes_under_way_are_no_difference() {
    let world = Arc::new(World::new().await);
    let liking = tokio::spawn({
        let world = world.clone();
        async move {
            for n in 0..20_000 {
                world.like(&post(n % POSTS), &format!("w{n}")).await;
                let late = world.truth_of(n % POSTS).await;
                tokio::time::sleep(Duration::from_millis(3)).await;
                for copy in [&world.hashes, &world.index] {
                    copy.tell(std::slice::from_ref(&late)).await.unwrap();
                }
            }
        }
    });
    for _ in 0..5 {
        let report = world.verify().await;
        assert_eq!(report.differing, 0, "{report:?}");
        assert!(report.is_complete());
    }
    assert!(!liking.is_finished(), "the likes have to last longer");
    liking.abort();
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_behind_for_a_moment_is_no_difference() {
    let world = Arc::new(World::new().await);
    world.hashes.lose(&post(1));
    let arriving = tokio::spawn({
        let world = world.clone();
        async move {
            tokio::time::sleep(world.settings.settle / 2).await;
            world.tell(1).await;
        }
    });
    assert_eq!(world.verify().await.differing, 0);
    arriving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_down_is_said_and_the_others_are_compared() {
    let world = World::new().await;
    world.hashes.set_down(true);
    world.corrupt(&world.index, 2).await;
    let report = world.verify().await;
    assert_eq!(found(&report), [(post(2), "index", Wrong::Different, None)]);
    assert!(report.finished && !report.is_complete());
    let [failure] = &*report.failures else { panic!("{report:?}") };
    assert_eq!((failure.copy, &*failure.why), ("hashes", "unavailable: it is down"));
}

#[tokio::test(start_paused = true)]
async fn without_the_truth_nothing_is_said_to_be_well() {
    let world = World::new().await;
    let truth = Arc::new(Faulty::new(world.truth.fork()));
    truth.faults().on(Call::Snapshots).hang();
    world.corrupt(&world.index, 2).await;
    let (stop, mut progress) = (CancellationToken::new(), |_: Progress| {});
    let report = world.verifier_of(truth).run(Share::ALL, &mut progress, &stop).await;
    let [failure] = &*report.failures else { panic!("{report:?}") };
    assert_eq!((failure.copy, &*failure.why), ("truth", "no answer in time"));
    assert!(!report.finished && !report.is_complete());
}

#[tokio::test(start_paused = true)]
async fn counts_that_are_not_those_of_the_rows_are_found_and_left_to_a_person() {
    let mut world = World::new().await;
    world.settings.mend = true;
    let truth = WithRows::new(world.truth.clone(), |id, counts| match id.as_str() {
        "6" => Err(PortError::Corrupt("a row".into())),
        "4" => Ok(Counts::from_iter([1, 1])),
        _ => Ok(counts),
    });
    let (stop, mut progress) = (CancellationToken::new(), |_: Progress| {});
    let report = world.verifier_of(Arc::new(truth)).run(Share::ALL, &mut progress, &stop).await;
    assert_eq!(found(&report), [(post(4), "rows", Wrong::Different, Some(false))]);
    let names: Vec<_> = report.differences[0].fields.iter().map(|field| &*field.name).collect();
    assert_eq!(names, ["like", "love"]);
    let [failure] = &*report.failures else { panic!("{report:?}") };
    assert_eq!((failure.copy, &*failure.why), ("rows", "6: stored data is damaged: a row"));
    assert_eq!((report.finished, report.posts, report.recounted), (true, 10, 9));
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_ends_at_once_with_what_it_has_found() {
    let mut world = World::new().await;
    world.settings.in_flight = 1;
    world.settings.settle = Duration::from_secs(3_600);
    world.corrupt(&world.index, 2).await;
    let stop = CancellationToken::new();
    let began = tokio::time::Instant::now();
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        stop.cancel();
    };
    let (verifier, mut progress) = (world.verifier(), |_: Progress| {});
    let (report, ()) = tokio::join!(verifier.run(Share::ALL, &mut progress, &stop), stopping);
    assert!(!report.finished && !report.is_complete());
    assert_eq!((report.posts, began.elapsed()), (10, Duration::from_secs(60)));
}
