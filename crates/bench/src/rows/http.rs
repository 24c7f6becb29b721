//! Likes over HTTP against requests that do nothing.

use std::cell::RefCell;
use std::time::Duration;

use clap::Args;

use super::Effort;
use crate::client::{Client, Send};
use crate::error::Error;
use crate::likes::Likes;
use crate::pairs::{Pairs, Spread};
use crate::report::{Row, progress};
use crate::server::Server;
use crate::usage;

const LIKES: Likes = Likes::over(10_000);
const TURN: u64 = 60_000;

/// How to load the server.
#[derive(Debug, Clone, Args)]
pub(crate) struct Load {
    /// Connections with one request on each.
    #[arg(long, default_value_t = 256)]
    pub(crate) connections: u16,
}

/// What one side cost, in microseconds of processor time a request.
#[derive(Default)]
struct Cost {
    server: RefCell<Vec<f64>>,
    client: RefCell<Vec<f64>>,
}

impl Cost {
    fn medians(self) -> (f64, f64) {
        let median = |values: RefCell<Vec<f64>>| Spread::of(&values.into_inner()).median;
        (median(self.server), median(self.client))
    }
}

/// Likes a second against no-op JSON POSTs to the same server process, over kept connections.
pub(crate) fn measure(effort: &Effort, load: &Load) -> Result<Row, Error> {
    let (folder, turn) = (effort.folder()?, effort.likes(TURN));
    let server = Server::start(folder.path(), LIKES.posts)?;
    let client = RefCell::new(Client::connect(server.address, load.connections)?);
    let rate = |what: Send, pair: u64, cost: &Cost| {
        let before = (usage::cpu_time_of(server.child.pid())?, usage::cpu_time());
        let took = client.borrow_mut().send(what, pair * turn, turn)?;
        let after = (usage::cpu_time_of(server.child.pid())?, usage::cpu_time());
        let each = |from, to: Duration| (to.saturating_sub(from)).as_secs_f64() * 1e6 / turn as f64;
        cost.server.borrow_mut().push(each(before.0, after.0));
        cost.client.borrow_mut().push(each(before.1, after.1));
        Ok(turn as f64 / took.as_secs_f64())
    };
    rate(Send::Nothing, 0, &Cost::default())?;
    let (likes, nothing) = (Cost::default(), Cost::default());
    let pairs = Pairs::run(
        "http",
        effort.pairs(),
        |pair| rate(Send::Likes(LIKES), pair, &likes),
        |pair| rate(Send::Nothing, pair, &nothing),
    )?;
    let (likes, nothing) = (likes.medians(), nothing.medians());
    progress(format_args!(
        "http: CPU a like: server {:.1} µs, client {:.1} µs; a no-op: {:.1} µs, {:.1} µs",
        likes.0, likes.1, nothing.0, nothing.1
    ));
    Ok(Row::at_least(
        "embedded likes/s over HTTP",
        (
            format!("{:.0}, {:.1} µs CPU of the server each", pairs.subject(), likes.0),
            format!("no-op JSON POST: {:.0}, {:.1} µs each", pairs.reference(), nothing.0),
        ),
        pairs.ratio(),
        (0.8, "≥ 0.80"),
    ))
}
