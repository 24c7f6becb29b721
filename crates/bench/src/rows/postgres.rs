//! What many would build instead: a counter that a trigger keeps in PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

use super::Effort;
use crate::embedded::{IN_FLIGHT, Likers};
use crate::error::Error;
use crate::likes::{Likes, post_name, user_name};
use crate::pairs::Spread;
use crate::postgres::Postgres;
use crate::report::{Row, progress};

const NAME: &str = "against a trigger in PostgreSQL";
const CONNECTIONS: u64 = 32;
const MANY: Likes = Likes::over(10_000);
const ONE: Likes = Likes::on(10_000);
/// Likes of a turn of PostgreSQL, each about a second or two.
const TURN: u64 = 6_000;
const SCHEMA: &str = include_str!("schema.sql");
const LIKE: &str = "INSERT INTO reactions VALUES ($1, $2, 'like') \
    ON CONFLICT (post_id, user_id) DO UPDATE SET kind = excluded.kind";

/// Rates of the six measurements of a round: on many posts, on one.
#[derive(Default)]
struct Rates {
    postgres: [Vec<f64>; 2],
    /// From as many callers as PostgreSQL has connections.
    kudos: [Vec<f64>; 2],
    /// From as many callers as the other rows have.
    busy: [Vec<f64>; 2],
}

/// Durable likes a second, on 10,000 posts and on one, beside Kudos called in this process.
pub(crate) fn measure(effort: &Effort) -> Result<Vec<Row>, Error> {
    let Some(server) = Postgres::start(effort.folder()?)? else {
        return Ok(vec![absent()]);
    };
    let folder = effort.folder()?;
    let likers = Likers::open(folder.path())?;
    let postgres = likers.runtime().block_on(Connections::open(&server))?;
    let turn = effort.likes(TURN);
    let (mut rates, mut sent, mut stored) = (Rates::default(), 0, 0);
    for round in 0..effort.pairs() {
        for (at, likes) in [MANY, ONE].into_iter().enumerate() {
            let took = likers.runtime().block_on(postgres.send(likes, stored, turn))?;
            rates.postgres[at].push(took);
            stored += turn;
            for (rates, callers) in [(&mut rates.kudos, CONNECTIONS), (&mut rates.busy, IN_FLIGHT)]
            {
                let count = turn * if callers == IN_FLIGHT { 10 } else { 2 };
                let took = likers.send_from(callers, likes, sent, count)?;
                rates[at].push(count as f64 / took.as_secs_f64());
                sent += count;
            }
        }
        progress(format_args!("postgres: {}/{}", round + 1, effort.pairs()));
    }
    agree(sent, likers.counted(MANY) + likers.counted(ONE))?;
    let (counted, rows) = likers.runtime().block_on(postgres.counted())?;
    agree(stored, counted)?;
    agree(stored, rows)?;
    Ok(rows_of(&rates))
}

fn absent() -> Row {
    Row {
        name: NAME,
        kudos: String::new(),
        against: "not installed: `apt-get install postgresql`".into(),
        figure: "not measured".into(),
        reach: "",
        reached: None,
    }
}

fn agree(acknowledged: u64, counted: u64) -> Result<(), Error> {
    match acknowledged == counted {
        true => Ok(()),
        false => Err(Error::Miscounted { acknowledged, counted }),
    }
}

fn rows_of(rates: &Rates) -> Vec<Row> {
    let row = |name, kudos: &[f64], callers, at: usize| {
        let postgres = &rates.postgres[at];
        let ratios: Vec<_> = kudos.iter().zip(postgres).map(|(k, p)| k / p).collect();
        Row {
            name,
            kudos: format!("{callers} callers: {:.0}, counts exact", Spread::of(kudos)),
            against: format!(
                "trigger in PostgreSQL, {CONNECTIONS} connections: {:.0}, counts exact",
                Spread::of(postgres)
            ),
            figure: format!("{:.1}", Spread::of(&ratios)),
            reach: "",
            reached: None,
        }
    };
    let ([many, one], [busy_many, busy_one]) = (&rates.kudos, &rates.busy);
    vec![
        row("likes/s over 10,000 posts", many, CONNECTIONS, 0),
        row("likes/s over 10,000 posts, more callers", busy_many, IN_FLIGHT, 0),
        row("likes/s on one post", one, CONNECTIONS, 1),
        row("likes/s on one post, more callers", busy_one, IN_FLIGHT, 1),
    ]
}

struct Connections(Vec<Arc<Client>>);

impl Connections {
    async fn open(server: &Postgres) -> Result<Self, Error> {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let (client, connection) = server.address().connect(NoTls).await?;
            // Its failure reaches whoever waits for an answer.
            tokio::spawn(connection);
            clients.push(Arc::new(client));
        }
        if let Some(client) = clients.first() {
            client.batch_execute(SCHEMA).await?;
        }
        Ok(Self(clients))
    }

    /// Likes a second.
    async fn send(&self, likes: Likes, first: u64, count: u64) -> Result<f64, Error> {
        let next = Arc::new(AtomicU64::new(first));
        let begun = Instant::now();
        let mut calls = JoinSet::new();
        for client in &self.0 {
            let (client, next) = (Arc::clone(client), Arc::clone(&next));
            calls.spawn(call(client, likes, next, first + count));
        }
        while let Some(ended) = calls.join_next().await {
            ended??;
        }
        Ok(count as f64 / begun.elapsed().as_secs_f64())
    }

    /// The sum of all counts, and the number of reactions.
    async fn counted(&self) -> Result<(u64, u64), Error> {
        let Some(client) = self.0.first() else {
            return Ok((0, 0));
        };
        let question = "SELECT (SELECT sum(count)::bigint FROM post_counts), \
            (SELECT count(*) FROM reactions)";
        let row = client.query_one(question, &[]).await?;
        let (counted, rows): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        Ok((counted.cast_unsigned(), rows.cast_unsigned()))
    }
}

async fn call(
    client: Arc<Client>,
    likes: Likes,
    next: Arc<AtomicU64>,
    end: u64,
) -> Result<(), Error> {
    let statement = client.prepare(LIKE).await?;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            return Ok(());
        }
        let (post, user) = (post_name(likes.post(number)), user_name(number));
        client.execute(&statement, &[&post, &user]).await?;
    }
}
