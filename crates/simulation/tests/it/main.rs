//! The whole chain under faults: at the end every copy is EXACT. A run follows from its seed alone,
//! so a seed that fails can be looked at again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod chaos;
mod flaws;
mod index;
mod late;
mod reader;
mod world;
mod writer;

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use kudos_core::PortError;
use kudos_testkit::Call;
use kudos_testkit::checker::{Client, Drive, Ledger, Verdict, Workload};
use std::sync::Arc;
use tokio::time::{Instant, sleep};

use chaos::{chaos, heal};
use flaws::Flaw;
use kudos_testkit::scope::NOW;
use world::{Task, World};

/// Runs that every test run makes; `make simulate` makes others.
const RUNS: u64 = 200;

/// Seeds that once ended with a copy that was not exact. Both: live counts fell back to a copy that
/// had their last mark, and not what came after it.
const KEPT: [u64; 2] = [1_246, 2_704];

fn workload(seed: u64) -> Workload {
    Workload { posts: 12, users: 30, operations: 120, seed, ..Workload::default() }
}

fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, runs) = (number("KUDOS_SIMULATION_SEED"), number("KUDOS_SIMULATION_RUNS"));
    let runs = runs.unwrap_or(if first.is_some() { 1 } else { RUNS });
    let first = first.unwrap_or(0);
    first..first.saturating_add(runs)
}

/// Time that stands still but for the timers, and chance that follows from a seed.
fn simulate<T>(seed: u64, run: impl Future<Output = T>) -> T {
    fastrand::seed(seed);
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(run)
}

async fn under_chaos(seed: u64, flaw: Flaw) -> (Verdict, Ledger, Duration) {
    let workload = workload(seed);
    let (world, begun) = (World::flawed(&workload, flaw).await, Instant::now());
    let drive = world.drive(&workload);
    let breaking = tokio::spawn(chaos(world.clone(), fastrand::Rng::with_seed(seed)));
    tokio::select! {
        () = drive.run(&workload, 6) => {}
        () = world.ask(fastrand::Rng::with_seed(seed), drive.recorder()) => {}
    }
    breaking.abort();
    heal(&world);
    drive.settle().await;
    let ledger = drive.ledger();
    let verdict = world.verdict(&ledger).await;
    (verdict, ledger, begun.elapsed())
}

#[test]
fn every_run_under_faults_ends_exact() {
    let (seeds, done, acknowledged) = (seeds(), AtomicU64::new(0), AtomicUsize::new(0));
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let failing = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for first in 0..threads {
            let (seeds, done, acknowledged) = (seeds.clone(), &done, &acknowledged);
            let failing = &failing;
            scope.spawn(move || {
                for seed in seeds.skip(first).step_by(threads) {
                    let (verdict, ledger, _) = simulate(seed, under_chaos(seed, Flaw::None));
                    if !verdict.is_exact() || ledger.acknowledged() <= 80 {
                        let answered = ledger.acknowledged();
                        let failure = format!("seed {seed}, {answered} acknowledged: {verdict}");
                        failing.lock().unwrap().push(failure);
                    }
                    acknowledged.fetch_add(ledger.acknowledged(), Ordering::Relaxed);
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if done.is_multiple_of(1_000) {
                        println!("{done} runs");
                    }
                }
            });
        }
    });
    let (failing, acknowledged) = (failing.into_inner().unwrap(), acknowledged.into_inner());
    assert!(failing.is_empty(), "`make simulate SEED=n SEEDS=1` replays\n{}", failing.join("\n"));
    println!("{} runs exact, {acknowledged} operations acknowledged", done.into_inner());
}

#[test]
fn what_failed_once_ends_exact() {
    for seed in KEPT {
        let (verdict, ..) = simulate(seed, under_chaos(seed, Flaw::None));
        assert!(verdict.is_exact(), "seed {seed}: {verdict}");
    }
}

#[test]
fn a_seed_replays_exactly() {
    let outcome = || {
        let (verdict, ledger, took) = simulate(7, under_chaos(7, Flaw::None));
        (verdict, ledger.acknowledged(), took)
    };
    assert_eq!(outcome(), outcome());
}

/// A writer dies at one step of one write, while others go on.
#[test]
fn a_writer_that_dies_between_any_two_steps_loses_and_doubles_nothing() {
    for (seed, (step, done)) in (0..).zip([
        (Call::Cover, false),
        (Call::Cover, true),
        (Call::Apply, false),
        (Call::Apply, true),
        (Call::Merge, false),
        (Call::Merge, true),
        (Call::Publish, false),
        (Call::Publish, true),
    ]) {
        let verdict = simulate(seed, async {
            let workload = workload(seed);
            let world = World::start(&workload).await;
            let drive = world.drive(&workload);
            let dying = async {
                sleep(Duration::from_millis(60)).await;
                for writer in &world.writers {
                    let ports = [
                        writer.journal(),
                        world.backends.truth.faults(),
                        world.live.faults(),
                        world.backends.log.faults(),
                    ];
                    for port in &ports {
                        match done {
                            false => port.on(step).next(1).hang(),
                            true => port.on(step).next(1).lose_answers(),
                        }
                    }
                    sleep(Duration::from_millis(15)).await;
                    writer.crash();
                }
            };
            tokio::join!(drive.run(&workload, 6), dying);
            heal(&world);
            assert!(drive.settle().await);
            world.verdict(&drive.ledger()).await
        });
        assert!(verdict.is_exact(), "{step:?}, done {done}: {verdict}");
    }
}

/// Everything but the truth is gone for five minutes.
#[test]
fn sinks_that_are_all_gone_fail_no_write_and_catch_up() {
    let verdict = simulate(1, async {
        let workload = Workload { operations: 400, ..workload(1) };
        let world = World::start(&workload).await;
        let drive = world.drive(&workload);
        let sinks = [world.live.faults(), world.backends.log.faults(), world.index.faults()];
        sinks[0].hang();
        sinks[1].fail_with(PortError::Timeout);
        sinks[2].fail_with(PortError::Timeout);
        drive.run(&workload, 6).await;
        assert_eq!(drive.ledger().open(), 0);
        sleep(Duration::from_secs(300)).await;
        heal(&world);
        world.verdict(&drive.ledger()).await
    });
    assert!(verdict.is_exact(), "{verdict}");
}

#[test]
fn a_log_delivered_three_times_over_and_shuffled_changes_nothing() {
    let verdict = simulate(2, async {
        let workload = workload(2);
        let world = World::start(&workload).await;
        let drive = world.drive(&workload);
        drive.run(&workload, 6).await;
        world.topic.redeliver(3, &mut fastrand::Rng::with_seed(2));
        world.verdict(&drive.ledger()).await
    });
    assert!(verdict.is_exact(), "{verdict}");
}

async fn killing_projectors() -> Verdict {
    let workload = Workload { operations: 600, ..workload(3) };
    let world = World::start(&workload).await;
    let drive = world.drive(&workload);
    let killing = tokio::spawn({
        let world = world.clone();
        async move {
            loop {
                sleep(Duration::from_millis(90)).await;
                world.restart(Task::Projector(0));
                world.restart(Task::Projector(1));
            }
        }
    });
    drive.run(&workload, 6).await;
    killing.abort();
    world.verdict(&drive.ledger()).await
}

#[test]
fn projectors_killed_again_and_again_lose_nothing() {
    let verdict = simulate(3, killing_projectors());
    assert!(verdict.is_exact(), "{verdict}");
}

/// Longer than the writer, its client and the window wait. It comes to be applied after all, and
/// nobody is there to tell of it.
async fn held_commit(flaw: Flaw) -> Verdict {
    let workload = Workload { operations: 1, repeated: 0.0, ..workload(5) };
    let world = World::flawed(&workload, flaw).await;
    let ledger = Ledger::new(&workload.stored(NOW));
    let client: Arc<dyn Client> = world.writers[0].clone();
    let drive = Drive::new(vec![client], ledger, Duration::ZERO);
    world.read.inner().hold_next(Duration::from_secs(15));
    drive.run(&workload, 1).await;
    assert_eq!(drive.ledger().open(), 1);
    let verdict = world.verdict(&drive.ledger()).await;
    assert!(drive.settle().await);
    assert_eq!(drive.ledger().acknowledged(), 1);
    verdict
}

#[test]
fn a_commit_held_for_15_s_reaches_every_copy() {
    let verdict = simulate(5, held_commit(Flaw::None));
    assert!(verdict.is_exact(), "{verdict}");
}

/// The chain is tested itself: with a part that is broken on purpose it must not be exact.
#[test]
fn a_broken_part_is_noticed() {
    let verdict = simulate(5, held_commit(Flaw::SettlesNothing));
    assert!(verdict.blames("live"), "{verdict}");
    let verdict = simulate(5, held_commit(Flaw::ForgetsDoubts));
    assert!(verdict.blames("live"), "{verdict}");
    for flaw in [Flaw::ForgetsMisses, Flaw::LosesSilently] {
        let found = |seed| !simulate(seed, under_chaos(seed, flaw)).0.is_exact();
        assert!((0..RUNS).any(found), "{flaw:?}");
    }
}
