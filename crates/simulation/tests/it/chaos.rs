//! Whatever can go wrong, at random.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::PortError;
use kudos_testkit::{Call, Faults, MemoryLive};
use tokio::time::sleep;

use crate::world::{Task, World};

/// Breaks and mends until it is dropped.
pub(crate) async fn chaos(world: Arc<World>, mut rng: fastrand::Rng) {
    loop {
        sleep(Duration::from_millis(rng.u64(5..300))).await;
        let ports = world.faults();
        let port = &ports[rng.usize(..ports.len())];
        match rng.u32(..24) {
            20..23 => world.replicate(),
            23 => lose(&world, &mut rng),
            0..6 => port.heal(),
            6..14 => spoil(port, &mut rng),
            14 | 15 => world.writers[rng.usize(..world.writers.len())].crash(),
            16 | 17 => world.restart(Task::ALL[rng.usize(..Task::ALL.len())]),
            18 => world.index.inner().documents.busy_for(rng.usize(..30)),
            _ => {
                // Each time makes it longer: not too often.
                if rng.u32(..10) == 0 {
                    world.topic.redeliver(1, &mut rng);
                }
            }
        }
    }
}

/// A failover to a copy that is behind, or to an empty one.
fn lose(world: &World, rng: &mut fastrand::Rng) {
    let part = rng.usize(..4);
    match rng.u32(..4) {
        0 => world.live.inner().roll_back(part, &MemoryLive::new()),
        _ => world.fail_over(part),
    }
}

fn spoil(port: &Faults, rng: &mut fastrand::Rng) {
    let calls = 1 + rng.usize(..5);
    match rng.u32(..6) {
        0 => port.hang(),
        1 => port.fail_with(PortError::Unavailable("gone".into())),
        2 => port.lose_answers(),
        3 => port.delay(Duration::from_millis(rng.u64(..100))),
        // A few calls only, of whichever kind the port has.
        4 => CALLS.iter().for_each(|&call| port.on(call).next(calls).lose_answers()),
        _ => CALLS.iter().for_each(|&call| port.on(call).next(calls).hang()),
    }
}

const CALLS: [Call; 10] = [
    Call::Apply,
    Call::Merge,
    Call::Publish,
    Call::Put,
    Call::Cover,
    Call::Told,
    Call::Snapshots,
    Call::Settle,
    Call::Hold,
    Call::Exchange,
];

/// Everything is well again; the processes that were spoilt start anew.
pub(crate) fn heal(world: &Arc<World>) {
    world.faults().iter().for_each(Faults::heal);
    world.index.inner().documents.busy_for(0);
}
