//! Durable likes against the engine's own puts of the same bytes.

use std::cell::Cell;

use kudos_embedded::Options;

use super::Effort;
use crate::embedded::Likers;
use crate::error::Error;
use crate::likes::Likes;
use crate::pairs::Pairs;
use crate::raw::{Raw, Rehearsal};
use crate::report::{Row, progress};

const LIKES: Likes = Likes::over(100_000);
const TURN: u64 = 100_000;

/// Likes a second of 1,024 callers, each acknowledged after an fsync, against the very commits that
/// such a run makes, put into the engine with nothing around it, each with the same fsync.
pub(crate) fn measure(effort: &Effort) -> Result<Row, Error> {
    let (folder, turn, options) = (effort.folder()?, effort.likes(TURN), Options::default());
    let rehearsal = folder.path().join("rehearsal");
    progress("durable: rehearsal, to have the commits");
    Likers::open(&rehearsal)?.send(LIKES, 0, turn * effort.pairs())?;
    let rehearsal = Rehearsal::open(&rehearsal.join("store"), &options)?;

    let kudos = Likers::open(&folder.path().join("kudos"))?;
    let raw = Raw::open(&folder.path().join("raw"), &options)?;
    let replayed = Cell::new(0);
    let pairs = Pairs::run(
        "durable",
        effort.pairs(),
        |pair| Ok(turn as f64 / kudos.send(LIKES, pair * turn, turn)?.as_secs_f64()),
        |_| {
            let (likes, took) = raw.replay(&rehearsal, turn)?;
            replayed.set(replayed.get() + likes);
            Ok(likes as f64 / took.as_secs_f64())
        },
    )?;
    let (acknowledged, counted) = (turn * effort.pairs(), kudos.counted(LIKES));
    if acknowledged != counted {
        return Err(Error::Miscounted { acknowledged, counted });
    }
    let batch = replayed.get() / raw.commits()?.max(1);
    Ok(Row::at_least(
        "embedded, durable likes/s",
        (
            format!("{:.0}", pairs.subject()),
            format!("raw puts of the same batches, {batch} likes each: {:.0}", pairs.reference()),
        ),
        pairs.ratio(),
        (0.5, "≥ 0.5"),
    ))
}
