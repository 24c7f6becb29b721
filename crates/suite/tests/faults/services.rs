//! Kudos's own services die.

use std::time::Duration;

use tokio::time::sleep;

use crate::report::Row;
use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn row_01_nothing() {
    let (rig, mut row) = (Rig::open().await, Row::new(1, "none"));
    rig.during(&mut row, Duration::from_secs(5), async {}).await;
    rig.went_on(row);
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
