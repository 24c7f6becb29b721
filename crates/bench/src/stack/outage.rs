//! Likes while Redis is gone, beside likes while all is well.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::likes::{CONNECTIONS, LIKES, TURN, rate};
use super::world::{Addresses, Service, World};
use super::{Fault, get, within};
use crate::client::{Client, Send};
use crate::error::Error;
use crate::pairs::{Pairs, Spread};
use crate::report::Row;
use crate::rows::Effort;

/// Row 9. A like that is not answered with success, be it by a 5xx, ends the measurement.
pub(crate) fn measure(
    effort: &Effort,
    at: &Addresses,
    world: &World,
    first: u64,
) -> Result<Vec<Row>, Fault> {
    let (writer, turn) = (world.start("reaction-write")?, effort.likes(TURN));
    let next = Cell::new(first);
    let send = |count: u64| {
        let from = next.replace(next.get() + count);
        let mut client = Client::connect(writer.address, CONNECTIONS)?;
        let took = client.send(Send::Likes(LIKES), from, count)?;
        Ok::<_, Error>((rate(count, took), client.p99_ms()))
    };
    let keep = |waited: &RefCell<Vec<f64>>| {
        let (rate, p99) = send(turn)?;
        waited.borrow_mut().push(p99);
        Ok(rate)
    };
    let (gone, well) = (RefCell::default(), RefCell::default());
    send(turn)?;
    let pairs = Pairs::run(
        "likes without Redis",
        effort.pairs(),
        |_| {
            kill_redis(at)?;
            keep(&gone)
        },
        |_| {
            start_redis()?;
            within("the writer does not ask Redis again", || {
                send(u64::from(CONNECTIONS))?;
                asks_redis(&writer)
            })?;
            keep(&well)
        },
    )?;
    let (gone, well) = (gone.into_inner(), well.into_inner());
    let ratios: Vec<_> = gone.iter().zip(&well).map(|(gone, well)| gone / well).collect();
    Ok(vec![
        Row::at_least(
            "likes/s with Redis killed, one writer",
            (format!("{:.0}", pairs.subject()), format!("healthy: {:.0}", pairs.reference())),
            pairs.ratio(),
            (1.0, "≥ 1.0"),
        ),
        Row::at_most(
            "p99 of these likes",
            (format!("{} ms", Spread::of(&gone)), format!("healthy: {} ms", Spread::of(&well))),
            (Spread::of(&ratios), ""),
            (1.1, "≤ 1.1"),
        ),
    ])
}

fn kill_redis(at: &Addresses) -> Result<(), Fault> {
    let pids = at.pids()?;
    let redis = pids.iter().find(|(engine, _)| engine == "redis").map(|(_, pid)| *pid);
    let pid = redis.and_then(|pid| Pid::from_raw(pid.cast_signed()));
    kill_process(pid.ok_or(Fault::NoStack("redis-1"))?, Signal::KILL).map_err(Fault::of)
}

fn start_redis() -> Result<(), Fault> {
    let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/local/stack");
    let done = Command::new(stack).args(["up", "redis"]).stdin(Stdio::null()).output()?;
    if done.status.success() {
        return Ok(());
    }
    Err(Fault::Program("stack up redis", String::from_utf8_lossy(&done.stderr).into()))
}

/// Whether none of the writer's breakers is open.
fn asks_redis(writer: &Service) -> Result<bool, Fault> {
    let text = get(&format!("http://{}/metrics", writer.address))?;
    let mut breakers = text.lines().filter(|line| line.starts_with("kudos_breaker_open"));
    Ok(breakers.all(|line| line.ends_with(" 0")))
}
