//! A rebuild that was killed.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use kudos_rebuild::{Checkpoint, Limits, Ports, Progress, Rebuild, Scope};

use crate::support::{Losses, POSTS, Restless, World, limits};

/// Every page is in the checkpoint.
fn careful(ports: Ports) -> Rebuild {
    let limits = Limits { save_every: Duration::ZERO, ..limits() };
    Rebuild::new(ports, Scope::All, limits, Arc::new(Progress::default()))
}

#[tokio::test]
async fn a_rebuild_that_was_killed_goes_on_where_it_was() {
    let world = World::open().await;
    let (losses, half) = (Arc::new(Losses::default()), Restless::new(&world, true, 150));
    losses.lost.store(1, SeqCst);
    let ports = || Ports { truth: half.clone(), completeness: losses.clone(), ..world.ports() };
    let checkpoint = world.checkpoint();
    let first = careful(ports());
    let killed = async {
        let _ = tokio::time::timeout(Duration::from_secs(30), async {
            let saved = || {
                let text = std::fs::read_to_string(world.path()).unwrap_or_default();
                text.contains("\"end\"")
            };
            while half.pages.load(SeqCst) <= half.stop_after || !saved() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    };
    tokio::select! {
        done = first.from_truth(None, &checkpoint) => panic!("it was to be killed: {done:?}"),
        () = killed => {}
    }
    let told = first.progress().step().done;
    assert!(told > 0 && told < POSTS as u64, "{told}");

    let whole = Restless::new(&world, false, usize::MAX);
    let resumed = Checkpoint::resume(&world.path(), "all").await.unwrap();
    let second =
        careful(Ports { truth: whole.clone(), completeness: losses.clone(), ..world.ports() });
    let report = second.from_truth(None, &resumed).await.unwrap();
    assert!(report.is_right(), "{report:?}");
    assert!(report.told < POSTS as u64 && report.told + told >= POSTS as u64, "{report:?}");
    assert_eq!(report.complete, Some(true), "nothing was lost in between");
    world.exact().await;
}

#[tokio::test(start_paused = true)]
async fn a_flush_between_a_kill_and_its_resume_is_noticed() {
    let world = World::open().await;
    let losses = Arc::new(Losses::default());
    losses.lost.store(1, SeqCst);
    let ports = || Ports { completeness: losses.clone(), ..world.ports() };
    let stuck = Restless::new(&world, false, 300);
    let first = careful(Ports { truth: stuck, ..ports() });
    let checkpoint = world.checkpoint();
    let run = first.from_truth(None, &checkpoint);
    let killed = tokio::time::timeout(Duration::from_secs(5), run).await;
    assert!(killed.is_err());
    losses.lost.store(2, SeqCst);
    let resumed = Checkpoint::resume(&world.path(), "all").await.unwrap();
    let report = careful(ports()).from_truth(None, &resumed).await.unwrap();
    assert_eq!(report.complete, Some(false), "{report:?}");
    assert!(!report.is_right());
    let again = careful(ports()).from_truth(None, &world.checkpoint()).await.unwrap();
    assert!(again.is_right(), "{again:?}");
}
