//! The checker says EXACT of what is, and finds each way in which it might not be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{LiveCounts, PostStore, ReactionStore};
use kudos_core::{ApplyError, Counts, Kind, OpId, PortError, PostId, UserId};
use kudos_testkit::checker::{
    Ack, Checker, Client, Drive, Freshness, Ledger, LiveReader, Reader, Recorder, RecountReader,
    Reply, Request, Seen, Shown, TruthReader, Verdict, Workload,
};
use kudos_testkit::scope::NOW;
use kudos_testkit::{MemoryLive, MemoryTruth};
use tokio::time::sleep;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    /// Some answers are lost, some requests never arrive.
    LosesAnswers,
    /// Some writes are acknowledged and not stored.
    LosesWrites,
    /// Some retries count as another user's.
    CountsTwice,
    /// The live counts take an older state over a newer one.
    OldVersionsWin,
    /// The live counts are not told of some posts, and nobody remembers.
    SkipsASink,
    /// A read shows what was true before, and calls it fresh.
    StaleReads,
    /// A read shows what was true before, and says so.
    HonestStaleReads,
    /// Answers say that something changed when it did not.
    Lies,
    /// A late retry is applied as if it were new.
    AppliesRetries,
    /// Some answers have the version before.
    ForgetsVersions,
}

struct Writer {
    truth: Arc<MemoryTruth>,
    live: Arc<MemoryLive>,
    defect: Defect,
    calls: AtomicUsize,
}

#[async_trait]
impl Client for Writer {
    async fn react(&self, request: &Request) -> Reply {
        let n = self.calls.fetch_add(1, Ordering::Relaxed);
        let sometimes = n % 50 == 49;
        sleep(Duration::from_millis(1)).await;
        let mut op = request.operation(NOW);
        match self.defect {
            Defect::LosesWrites if sometimes => {
                // As it would be, had it been stored.
                let posts = std::slice::from_ref(&request.post);
                let state = self.truth.states(posts).await.unwrap().remove(0).unwrap();
                let held = self.truth.held(&request.user, posts).await.unwrap().remove(0);
                let (mine, changed) = (request.want, held != request.want);
                let (mut counts, mut version) = (state.counts, state.version);
                if changed {
                    counts.shift(held, mine).unwrap();
                    version = version.next();
                }
                return Reply::Acknowledged(Ack { mine, changed, version, counts });
            }
            Defect::CountsTwice if sometimes => {
                op.user = UserId::new(&format!("{}~", op.user)).unwrap();
            }
            Defect::AppliesRetries if n % 5 == 4 => op.id = OpId::from_key(&format!("{n}")),
            Defect::LosesAnswers if n.is_multiple_of(7) => return Reply::Unknown,
            _ => {}
        }
        let applied = match self.truth.apply(op).await {
            Ok(applied) => applied,
            Err(ApplyError::Stale) => return Reply::Stale,
            Err(error) => return Reply::Wrong(error.to_string()),
        };
        if self.defect == Defect::OldVersionsWin {
            self.live.lose(&request.post);
        }
        if !(self.defect == Defect::SkipsASink && request.post.as_str().ends_with('3')) {
            self.live.merge(std::slice::from_ref(&applied.state)).await.unwrap();
        }
        if self.defect == Defect::LosesAnswers && n.is_multiple_of(5) {
            return Reply::Unknown;
        }
        if self.defect == Defect::ForgetsVersions {
            let mut ack = Ack::from(applied.outcome);
            ack.version.0 = ack.version.0.saturating_sub(u64::from(sometimes));
            return Reply::Acknowledged(ack);
        }
        let lies = self.defect == Defect::Lies && sometimes;
        let changed = applied.outcome.changed != lies;
        Reply::Acknowledged(Ack { changed, ..applied.outcome.into() })
    }
}

/// What the truth said at the first look.
struct Cached {
    seen: Vec<(PostId, Seen)>,
}

#[async_trait]
impl Reader for Cached {
    async fn counts(&self, posts: &[PostId]) -> Result<Option<Vec<Option<Seen>>>, PortError> {
        let seen = |post| self.seen.iter().find(|(p, _)| p == post).map(|(_, seen)| seen.clone());
        Ok(Some(posts.iter().map(seen).collect()))
    }
}

fn workload(seed: u64) -> Workload {
    Workload { posts: 20, users: 60, operations: 1_500, seed, ..Workload::default() }
}

async fn verdict(defect: Defect) -> Verdict {
    driven(defect, workload(defect as u64)).await.0
}

/// Drives a workload, with reads of the live counts beside it, and what the truth said at first for
/// those who read what is old.
async fn driven(defect: Defect, workload: Workload) -> (Verdict, Drive) {
    let (truth, live) = (Arc::new(MemoryTruth::new()), Arc::new(MemoryLive::new()));
    let posts = workload.stored(NOW);
    for post in &posts {
        truth.upsert(post).await.unwrap();
        let state = truth.states(std::slice::from_ref(&post.id)).await.unwrap().remove(0).unwrap();
        live.merge(&[state]).await.unwrap();
    }
    let writer =
        || Writer { truth: truth.clone(), live: live.clone(), defect, calls: AtomicUsize::new(0) };
    let writers: Vec<Arc<dyn Client>> = vec![Arc::new(writer()), Arc::new(writer())];
    let drive = Drive::new(writers, Ledger::new(&posts), Duration::from_millis(200));
    let reading = look(drive.recorder(), live.clone(), posts[0].id.clone(), defect);
    tokio::select! {
        () = drive.run(&workload, 8) => {}
        () = reading => {}
    }
    drive.settle().await;
    let mut checker = Checker::new()
        .copy("truth", TruthReader(truth.clone()))
        .copy("recount", RecountReader(truth.clone()))
        .copy("live", LiveReader(live));
    if matches!(defect, Defect::StaleReads | Defect::HonestStaleReads) {
        let fresh = defect == Defect::StaleReads;
        let seen = |counts: Counts| Seen { fresh, ..Seen::counts(counts, None) };
        let seen = posts.iter().map(|post| (post.id.clone(), seen(Counts::new()))).collect();
        checker = checker.copy("reads", Cached { seen });
    }
    let ledger = drive.ledger();
    assert_eq!(ledger.open(), 0);
    assert!(ledger.acknowledged() * 15 >= workload.operations * 14, "{}", ledger.acknowledged());
    (checker.check(&ledger).await.unwrap(), drive)
}

/// Reads the first post again and again.
async fn look(recorder: Recorder, live: Arc<MemoryLive>, post: PostId, defect: Defect) {
    loop {
        recorder.read(async { Some(vec![shown(&live, &post, defect).await]) }).await;
        sleep(Duration::from_millis(5)).await;
    }
}

async fn shown(live: &MemoryLive, post: &PostId, defect: Defect) -> Shown {
    let state = live.states(std::slice::from_ref(post)).await.unwrap().remove(0);
    let state = state.filter(|_| !matches!(defect, Defect::StaleReads | Defect::HonestStaleReads));
    let (version, counts) = state.map(|state| (state.version, state.counts)).unwrap_or_default();
    let is_old = defect == Defect::HonestStaleReads;
    let freshness = if is_old { Freshness::Old } else { Freshness::Fresh };
    Shown { post: post.clone(), version, counts, freshness }
}

#[tokio::test(start_paused = true)]
async fn what_is_well_is_exact() {
    let verdict = verdict(Defect::None).await;
    assert!(verdict.is_exact(), "{verdict}");
}

#[tokio::test(start_paused = true)]
async fn lost_answers_that_are_asked_for_again_are_exact() {
    let verdict = verdict(Defect::LosesAnswers).await;
    assert!(verdict.is_exact(), "{verdict}");
}

#[tokio::test(start_paused = true)]
async fn every_defect_is_found_where_it_is() {
    for (defect, blamed, well) in [
        (Defect::LosesWrites, &["truth", "history"][..], &[][..]),
        (Defect::CountsTwice, &["truth", "history"], &[]),
        (Defect::OldVersionsWin, &["live"], &["truth", "answers"]),
        (Defect::SkipsASink, &["live"], &["truth", "answers", "history"]),
        (Defect::StaleReads, &["reads", "history"], &["truth", "live", "answers"]),
        (Defect::HonestStaleReads, &["reads"], &["truth", "live", "answers", "history"]),
        (Defect::Lies, &["answers", "history"], &["truth", "live"]),
        (Defect::AppliesRetries, &["truth", "answers", "history"], &[]),
        (Defect::ForgetsVersions, &["history"], &["truth", "live", "recount"]),
    ] {
        let verdict = verdict(defect).await;
        let missed: Vec<_> = blamed.iter().filter(|copy| !verdict.blames(copy)).collect();
        let wronged: Vec<_> = well.iter().filter(|copy| verdict.blames(copy)).collect();
        let said = format!("{defect:?}: missed {missed:?}, wronged {wronged:?}");
        assert!(missed.is_empty() && wronged.is_empty(), "{said}: {verdict}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_and_is_not_there_is_named() {
    let lost = verdict(Defect::LosesWrites).await;
    assert!((1..=30).contains(&lost.false_acknowledgements.len()), "{lost}");
    assert!(lost.false_acknowledgements.iter().all(|key| key.starts_with("w-")), "{lost}");
    for defect in [Defect::None, Defect::SkipsASink, Defect::StaleReads, Defect::CountsTwice] {
        let verdict = verdict(defect).await;
        assert!(verdict.false_acknowledgements.is_empty() || defect == Defect::CountsTwice);
    }
}

/// The workload of the table of faults; run it with `--nocapture` for what it costs.
#[tokio::test(start_paused = true)]
async fn a_history_of_20_000_operations_is_judged() {
    for defect in [Defect::None, Defect::LosesAnswers] {
        let (verdict, drive) = driven(defect, Workload::default()).await;
        assert!(verdict.is_exact(), "{verdict}");
        let (ledger, begun) = (drive.ledger(), std::time::Instant::now());
        assert!(ledger.recording().judge().is_exact());
        println!("{defect:?}: {} acknowledged, {:?}", ledger.acknowledged(), begun.elapsed());
    }
}

/// An operation that nobody ever answered may have been applied or not; nothing else may be.
#[tokio::test]
async fn of_an_open_operation_either_state_is_exact_and_no_third() {
    let workload = Workload { posts: 1, users: 1, operations: 1, repeated: 0.0, ..workload(3) };
    let posts = workload.stored(NOW);
    let request = workload.lanes(1).remove(0).remove(0);
    let silent = Arc::new(Silent);
    let drive = Drive::new(vec![silent], Ledger::new(&posts), Duration::ZERO);
    drive.run(&workload, 1).await;
    let ledger = drive.ledger();
    assert_eq!(ledger.open(), 1);
    let other = Kind((request.want.unwrap().0 + 1) % 6);
    for (held, exact) in [(None, true), (request.want, true), (Some(other), false)] {
        let truth = Arc::new(MemoryTruth::new());
        truth.upsert(&posts[0]).await.unwrap();
        let op = Request { want: held, ..request.clone() }.operation(NOW);
        truth.apply(op).await.unwrap();
        let checker = Checker::new()
            .copy("truth", TruthReader(truth.clone()))
            .copy("recount", RecountReader(truth));
        assert_eq!(checker.check(&ledger).await.unwrap().is_exact(), exact, "{held:?}");
    }
}

struct Silent;

#[async_trait]
impl Client for Silent {
    async fn react(&self, _: &Request) -> Reply {
        Reply::Unknown
    }
}
