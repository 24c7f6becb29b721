//! Durable likes against the engine's own puts of the same bytes.

use kudos_embedded::Options;

use super::Effort;
use crate::embedded::Likers;
use crate::error::Error;
use crate::likes::Likes;
use crate::pairs::Pairs;
use crate::raw::Raw;
use crate::report::{Row, progress};

const LIKES: Likes = Likes { posts: 100_000 };
const TURN: u64 = 100_000;

/// Likes a second of 1,024 callers, each acknowledged after an fsync, against batches of the
/// largest size that the store makes, of the records that it made, each with the same fsync.
pub(crate) fn measure(effort: &Effort) -> Result<Row, Error> {
    let (folder, turn, pairs) = (effort.folder()?, effort.likes(TURN), effort.pairs());
    let rehearsal = folder.path().join("rehearsal");
    progress("durable: rehearsal, to have the records");
    Likers::open(&rehearsal)?.send(LIKES, 0, turn * pairs)?;
    let options = Options::default();
    let rehearsal = Raw::open(&rehearsal.join("store"), &options)?;

    let kudos = Likers::open(&folder.path().join("kudos"))?;
    let raw = Raw::open(&folder.path().join("raw"), &options)?;
    let per_second = |took: std::time::Duration| turn as f64 / took.as_secs_f64();
    let pairs = Pairs::run(
        "durable",
        pairs,
        |pair| Ok(per_second(kudos.send(LIKES, pair * turn, turn)?)),
        |pair| {
            Ok(per_second(raw.replay(
                &rehearsal,
                LIKES,
                pair * turn,
                turn,
            )?))
        },
    )?;
    let (acknowledged, counted) = (turn * effort.pairs(), kudos.counted(LIKES));
    if acknowledged != counted {
        return Err(Error::Miscounted {
            acknowledged,
            counted,
        });
    }
    Ok(Row::at_least(
        "embedded, durable likes/s",
        (
            format!("{:.0}", pairs.subject()),
            format!(
                "raw batched puts of the same bytes: {:.0}",
                pairs.reference()
            ),
        ),
        pairs.ratio(),
        (0.5, "≥ 0.5"),
    ))
}
