//! All likes on one post against likes spread over many.

use super::Effort;
use crate::embedded::Likers;
use crate::error::Error;
use crate::likes::Likes;
use crate::pairs::Pairs;
use crate::report::Row;

const ONE: Likes = Likes::on(0);
const SPREAD: Likes = Likes::over(10_000);
const TURN: u64 = 100_000;

/// Durable likes a second on one post against 10,000 posts, each side on a store of its own.
pub(crate) fn measure(effort: &Effort) -> Result<Row, Error> {
    let (folder, turn) = (effort.folder()?, effort.likes(TURN));
    let one = Likers::open(&folder.path().join("one"))?;
    let spread = Likers::open(&folder.path().join("spread"))?;
    let rate = |likers: &Likers, likes, pair| {
        let took = likers.send(likes, pair * turn, turn)?;
        Ok(turn as f64 / took.as_secs_f64())
    };
    let pairs = Pairs::run(
        "one post",
        effort.pairs(),
        |pair| rate(&one, ONE, pair),
        |pair| rate(&spread, SPREAD, pair),
    )?;
    Ok(Row::at_least(
        "likes/s on one post",
        (
            format!("{:.0}", pairs.subject()),
            format!("spread over 10,000 posts: {:.0}", pairs.reference()),
        ),
        pairs.ratio(),
        (0.95, "≥ 0.95"),
    ))
}
