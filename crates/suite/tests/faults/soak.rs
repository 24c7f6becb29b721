//! Ten minutes of one fault after the other: what stays, and what grows.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::masters::{self, Shard};
use crate::nodes::{Broken, Up, all_of};
use crate::report::Row;
use crate::rig::{Held, MINUTE, Rig};

/// How long it goes on, if nobody says.
const SPAN: Duration = Duration::from_secs(600);
/// From one fault to the next.
const EACH: Duration = Duration::from_secs(20);
/// How long a fault lasts.
const FAULT: Duration = Duration::from_secs(8);
/// How often what services hold is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Caches and pools fill for so long.
const WARM: Duration = Duration::from_secs(180);
/// Bytes a minute by which a service may grow.
const SLOPE: f64 = (1 << 20) as f64;
/// Files and sockets that a service may have open more than before.
const MORE_FILES: usize = 16;

/// What nodes get for a while, and how they run again.
const SIGNALS: [(&str, &str, Up); 5] = [
    ("STOP", "redis", &["up", "redis"]),
    ("KILL", "redis", &["up", "redis"]),
    ("STOP", "kafka", &["up", "kafka"]),
    ("STOP", "elasticsearch", &["up", "elasticsearch"]),
    ("KILL", "elasticsearch", &["up", "elasticsearch"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn row_26_a_fault_every_twenty_seconds() {
    let (rig, mut row) = (Rig::open().await, Row::new(26, "a random fault every 20 s"));
    let samples = Mutex::new(Vec::new());
    rig.during(&mut row, MINUTE, async {
        let seconds = std::env::var("KUDOS_FAULTS_SOAK_SECONDS");
        let span = seconds.map_or(SPAN, |text| Duration::from_secs(text.parse().unwrap()));
        let end = Instant::now() + span;
        futures::join!(faults(&rig, end), look(&rig, end, &samples));
    })
    .await;
    let samples = samples.into_inner().unwrap();
    let first = &samples[0].1;
    for (service, before) in first.iter().enumerate() {
        let name = before.program;
        let slope = slope(samples.iter().map(|(at, held)| (*at, held[service].memory as f64)));
        let must = format!("{name} grows ≤ 1 MiB a minute");
        let held = |(_, held): &(f64, Vec<Held>)| held[service].memory >> 20;
        let ends = (samples.first().map_or(0, held), samples.last().map_or(0, held));
        let seen = format!("{:.2} MiB, from {} to {} MiB", slope / SLOPE, ends.0, ends.1);
        println!("{name}: {:?} MiB", samples.iter().map(held).collect::<Vec<_>>());
        row.must(&must, seen, slope <= SLOPE);
        let files = samples.last().map_or(0, |(_, held)| held[service].files);
        let must = format!("{name} has ≤ {MORE_FILES} files more");
        let seen = format!("{} before, {files} after", before.files);
        row.must(&must, seen, files <= before.files + MORE_FILES);
    }
    rig.answered(row, 0.99);
}

async fn faults(rig: &Rig, end: Instant) {
    while Instant::now() + EACH < end {
        let next = Instant::now() + EACH;
        match fastrand::usize(..=SIGNALS.len()) {
            0 => masters::victim(rig).await.tell(&["FLUSHALL"]).await,
            n => signal(rig, SIGNALS[n - 1]).await,
        }
        sleep_until(next).await;
    }
}

async fn signal(rig: &Rig, (signal, part, up): (&'static str, &str, Up)) {
    let nodes = match part {
        "redis" => {
            let Shard { name, .. } = masters::victim(rig).await;
            vec![name]
        }
        _ => all_of(part),
    };
    println!("{signal} to {nodes:?}");
    let broken = Broken::by(signal, nodes, up).await;
    sleep(FAULT).await;
    broken.mend().await;
}

/// Notes what every service holds, once they are warm.
async fn look(rig: &Rig, end: Instant, samples: &Mutex<Vec<(f64, Vec<Held>)>>) {
    let begun = Instant::now();
    sleep(WARM).await;
    while Instant::now() < end {
        let held = rig.held().await;
        samples.lock().unwrap().push((begun.elapsed().as_secs_f64() / 60.0, held));
        sleep(LOOK).await;
    }
}

/// The least-squares slope.
fn slope(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let count = points.clone().count().max(1) as f64;
    let sum = |of: fn((f64, f64)) -> f64| points.clone().map(of).sum::<f64>();
    let (x, y) = (sum(|(x, _)| x) / count, sum(|(_, y)| y) / count);
    let covariance: f64 = points.clone().map(|(at, held)| (at - x) * (held - y)).sum();
    let variance: f64 = points.map(|(at, _)| (at - x).powi(2)).sum();
    covariance / variance
}
