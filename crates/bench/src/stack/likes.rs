//! Likes through the whole path, and what they cost each engine.

use std::cell::{Cell, RefCell};
use std::thread;
use std::time::{Duration, Instant};

use super::bare::Bare;
use super::cost::{Costs, Meter, table};
use super::world::{Addresses, Service, World};
use super::{Fault, POSTS};
use crate::client::{Client, Send};
use crate::error::Error;
use crate::likes::Likes;
use crate::pairs::{Pairs, Spread};
use crate::report::{Row, progress};
use crate::rows::Effort;

pub(super) const CONNECTIONS: u16 = 64;
pub(super) const TURN: u64 = 4_000;
pub(super) const LIKES: Likes = Likes::over(POSTS);

/// Likes a second of one writer over HTTP beside the bare statements, and the processor time of
/// each, engines included.
pub(crate) fn one_writer(
    effort: &Effort,
    at: &Addresses,
    world: &World,
    bare: &World,
    first: u64,
) -> Result<(Vec<Row>, String), Fault> {
    let (writers, turn) = ([world.start("reaction-write")?], effort.likes(TURN));
    let client = RefCell::new(Client::connect(writers[0].address, CONNECTIONS)?);
    let bare = Bare::open(bare, at)?;
    let with = Meter::new(at, &["cassandra", "redis", "kafka"], &writers)?;
    let without = Meter::new(at, &["cassandra"], &[])?;
    let (mut ours, mut theirs) = (Costs::default(), Costs::default());
    let send = |from| Ok(client.borrow_mut().send(Send::Likes(LIKES), from, turn)?);
    // Both find their posts written to, and the engines warm.
    send(first)?;
    bare.send(CONNECTIONS.into(), LIKES, first, turn)?;
    let before = Writes::of(&writers)?;
    let pairs = Pairs::run(
        "likes of one writer",
        effort.pairs(),
        |pair| {
            let from = first + (pair + 1) * turn;
            Ok(rate(turn, with.during(turn, &mut ours, || send(from))?))
        },
        |pair| {
            let from = first + (pair + 1) * turn;
            let work = || bare.send(CONNECTIONS.into(), LIKES, from, turn);
            Ok(rate(turn, without.during(turn, &mut theirs, work)?))
        },
    )?;
    let writes = Writes::of(&writers)?.since(&before);
    let cpu: Vec<_> = ours.sums().iter().zip(theirs.sums()).map(|(a, b)| a / b).collect();
    let total = |costs: &Costs| format!("{:.0} µs", Spread::of(&costs.sums()));
    let rows = vec![
        Row::at_least(
            "likes/s of one writer, over HTTP",
            (
                format!("{:.0}", pairs.subject()),
                format!("the bare statements: {:.0}", pairs.reference()),
            ),
            pairs.ratio(),
            (0.85, "≥ 0.85"),
        ),
        Row::at_most(
            "CPU of such a like, engines and load included",
            (total(&ours), format!("the bare statements: {}", total(&theirs))),
            (Spread::of(&cpu), ""),
            (1.3, "≤ 1.3"),
        ),
    ];
    let Writes { conditional, operations } = writes;
    let costs = format!(
        "{}\nConditional writes a like: {:.3} ({conditional:.0} for {operations:.0} likes).\n",
        table(&[("a like", &ours), ("of the bare statements", &theirs)]),
        conditional / operations
    );
    Ok((rows, costs))
}

pub(super) fn rate(likes: u64, took: Duration) -> f64 {
    likes as f64 / took.as_secs_f64()
}

/// Likes on one post beside likes over all posts, through one writer.
pub(crate) fn one_post(effort: &Effort, world: &World, first: u64) -> Result<Row, Fault> {
    let (writer, turn) = (world.start("reaction-write")?, effort.likes(TURN));
    let client = RefCell::new(Client::connect(writer.address, CONNECTIONS)?);
    let next = Cell::new(first);
    let send = |likes| {
        let from = next.replace(next.get() + turn);
        Ok(rate(turn, client.borrow_mut().send(Send::Likes(likes), from, turn)?))
    };
    send(LIKES)?;
    let pairs =
        Pairs::run("likes on one post", effort.pairs(), |_| send(Likes::on(1)), |_| send(LIKES))?;
    Ok(Row::at_least(
        "likes/s on one post, one writer",
        (
            format!("{:.0}", pairs.subject()),
            format!("spread over {POSTS} posts: {:.0}", pairs.reference()),
        ),
        pairs.ratio(),
        (0.95, "≥ 0.95"),
    ))
}

/// Conditional writes a like, of eight writers and of one, on few and much wanted posts, each of
/// which has its writer, as behind the gateway.
pub(crate) fn growth(effort: &Effort, world: &World, first: u64) -> Result<Row, Fault> {
    let next = Cell::new(first);
    let measure = |writers: u64| {
        let turn = effort.likes(TURN);
        let from = next.replace(next.get() + turn);
        let started: Result<Vec<_>, _> =
            (0..writers).map(|_| world.start("reaction-write")).collect();
        let writes = share_out(&started?, from, turn)?;
        Ok::<f64, Error>(writes.conditional / writes.operations)
    };
    let pairs = Pairs::run(
        "conditional writes a like",
        effort.pairs().min(3),
        |_| measure(8),
        |_| measure(1),
    )?;
    Ok(Row::at_most(
        "conditional writes a like, 8 writers",
        (format!("{:.3}", pairs.subject()), format!("1 writer: {:.3}", pairs.reference())),
        (pairs.ratio(), ""),
        (1.05, "≤ 1.05"),
    ))
}

/// Posts that many want at once.
const WANTED: u64 = 64;

fn share_out(writers: &[Service], first: u64, turn: u64) -> Result<Writes, Fault> {
    let (count, callers) = (writers.len() as u64, u64::from(CONNECTIONS));
    let before = Writes::of(writers)?;
    thread::scope(|scope| {
        let senders: Vec<_> = (0..count)
            .zip(writers)
            .map(|(number, writer)| {
                let likes = Likes::between(number * WANTED / count, WANTED / count);
                let part = turn / count;
                scope.spawn(move || {
                    let connections = u16::try_from(callers / count).unwrap_or(1);
                    let mut client = Client::connect(writer.address, connections)?;
                    client.send(Send::Likes(likes), first + number * part, part)
                })
            })
            .collect();
        for sender in senders {
            sender.join().map_err(|_| Fault::Lost)??;
        }
        Ok::<(), Fault>(())
    })?;
    Ok(Writes::of(writers)?.since(&before))
}

/// What writers say of their commits.
#[derive(Debug, Clone, Copy, Default)]
struct Writes {
    conditional: f64,
    operations: f64,
}

impl Writes {
    fn of(writers: &[Service]) -> Result<Self, Fault> {
        let mut sum = Self::default();
        for writer in writers {
            let text = super::get(&format!("http://{}/metrics", writer.address))?;
            sum.conditional += total(&text, "kudos_cassandra_conditional_writes");
            sum.operations += total(&text, "kudos_cassandra_committed_operations");
        }
        Ok(sum)
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            conditional: self.conditional - before.conditional,
            operations: self.operations - before.operations,
        }
    }
}

/// The sum of a counter over its labels, in Prometheus' text format.
fn total(text: &str, name: &str) -> f64 {
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// What a like costs when the projector follows, until Elasticsearch and the rollup have it.
pub(crate) fn followed(
    effort: &Effort,
    at: &Addresses,
    world: &World,
    first: u64,
) -> Result<String, Fault> {
    // The auditor walks at its own rate, whatever the load: that is no part of a like.
    let projector = world.start_with("projector", &["auditor.posts_per_second=1"])?;
    let services = [world.start("reaction-write")?, projector];
    let [writer, projector] = &services;
    let turn = effort.likes(TURN);
    super::settled(projector)?;
    let meter = Meter::new(at, &["cassandra", "redis", "kafka", "elasticsearch"], &services)?;
    let (mut costs, begun) = (Costs::default(), Instant::now());
    for pair in 0..effort.pairs().min(3) {
        // The writer closes connections that were idle while the projector caught up.
        let mut client = Client::connect(writer.address, CONNECTIONS)?;
        meter.during(turn, &mut costs, || {
            client.send(Send::Likes(LIKES), first + pair * turn, turn)?;
            super::settled(projector)
        })?;
    }
    progress(format_args!("likes with a projector: {:.1?}", begun.elapsed()));
    Ok(table(&[("a like", &costs)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_summed_over_its_labels() {
        let text =
            "# HELP a_total x\na_total{outcome=\"applied\"} 3\na_total{outcome=\"lost\"} 2\nb 9\n";
        assert_eq!(total(text, "a_total"), 5.0);
    }
}
