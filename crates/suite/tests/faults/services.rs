//! Kudos's own services die.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::report::Row;
use crate::rig::{MINUTE, Rig};
use crate::support::Launch;

/// Where a writer can die: around its commit, and around what it tells each sink.
const POINTS: [&str; 6] = [
    "write::before_commit",
    "write::after_commit",
    "live::before",
    "live::after",
    "log::before",
    "log::after",
];

#[tokio::test(flavor = "multi_thread")]
async fn row_01_nothing() {
    let (rig, mut row) = (Rig::open().await, Row::new(1, "none"));
    rig.during(&mut row, Duration::from_secs(5), async {}).await;
    rig.went_on(row);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_02_a_writer_dies_at_each_step() {
    let (rig, mut row) = (Rig::open().await, Row::new(2, "the writer dies at each failpoint"));
    rig.during(&mut row, Duration::from_secs(30), async {
        let writer = &rig.writers[0];
        for point in POINTS {
            let failpoints = Some(format!("{point}=100*off->return"));
            writer.start_as(&Launch { failpoints, ..Launch::default() }).await;
            let begun = Instant::now();
            while !writer.died().await {
                assert!(begun.elapsed() < MINUTE, "nobody came by {point}");
                sleep(Duration::from_millis(100)).await;
            }
        }
        writer.start_anew().await;
    })
    .await;
    row.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn row_03_a_writer_is_killed_every_two_seconds() {
    let (rig, mut row) = (Rig::open().await, Row::new(3, "a writer killed every 2 s"));
    rig.during(&mut row, Duration::from_secs(30), async {
        for _ in 0..20 {
            sleep(Duration::from_secs(2)).await;
            rig.writers[fastrand::usize(..2)].start_anew().await;
        }
    })
    .await;
    row.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn row_20_a_projector_is_killed_every_second() {
    let (rig, mut row) = (Rig::open().await, Row::new(20, "a projector killed every second"));
    rig.during(&mut row, Duration::from_secs(60), async {
        for n in 0..40 {
            sleep(Duration::from_secs(1)).await;
            rig.projectors[n % 2].start_anew().await;
        }
    })
    .await;
    row.end();
}
