//! Many clients at once: the workload of the fault list, in small.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;
use futures::future::join_all;
use kudos_core::{Kinds, Post, PostId, UserId};
use tokio::sync::watch;

use super::{Answer, Api, Op, Shared};

/// Acknowledged operations that a client may send again.
const KEPT: usize = 8;

/// Clients that react at random. Each has its own users, so that it knows the order of what it
/// did to a row; all share the posts. 30% of the operations are sent again, half of these while
/// the first is on its way; 20% change or take back.
#[derive(Clone)]
pub(crate) struct Load {
    posts: Arc<[PostId]>,
    ledger: Shared,
    clients: usize,
    ops: usize,
    seed: u64,
    stop: Arc<AtomicBool>,
    acknowledged: watch::Sender<usize>,
}

/// How a load ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// Answered with success.
    pub(crate) acknowledged: usize,
    /// Refused for the moment, by a problem document with `Retry-After`.
    pub(crate) refused: usize,
    /// Clients that lost their connection.
    pub(crate) lost: usize,
}

impl Load {
    /// Clients that send `ops` operations each, or fewer if one is refused or a connection breaks.
    pub(crate) fn new(
        posts: &[Post],
        ledger: &Shared,
        clients: usize,
        ops: usize,
        seed: u64,
    ) -> Self {
        Self {
            posts: posts.iter().map(|post| post.id.clone()).collect(),
            ledger: ledger.clone(),
            clients,
            ops,
            seed,
            stop: Arc::default(),
            acknowledged: watch::Sender::new(0),
        }
    }

    /// How many operations were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> watch::Receiver<usize> {
        self.acknowledged.subscribe()
    }

    /// Lets every client finish what it does, and no more.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) async fn run(&self, api: &Api) -> Ended {
        let clients = (0..self.clients).map(|number| Client::new(self, api, number).run());
        let mut total = Ended::default();
        for ended in join_all(clients).await {
            total.acknowledged += ended.acknowledged;
            total.refused += ended.refused;
            total.lost += ended.lost;
        }
        total
    }
}

struct Client<'a> {
    load: &'a Load,
    api: Api,
    number: usize,
    rng: Rng,
    kinds: Kinds,
    kept: VecDeque<(Op, Answer)>,
    ended: Ended,
}

impl<'a> Client<'a> {
    fn new(load: &'a Load, api: &Api, number: usize) -> Self {
        Self {
            load,
            api: api.clone(),
            number,
            rng: Rng::with_seed(load.seed * 1000 + number as u64),
            kinds: Kinds::default(),
            kept: VecDeque::new(),
            ended: Ended::default(),
        }
    }

    async fn run(mut self) -> Ended {
        for n in 0..self.load.ops {
            if self.is_over() {
                break;
            }
            let op = self.draw(n);
            match self.rng.u8(0..100) {
                0..15 => self.send_twice(op).await,
                15..30 => {
                    self.send(op).await;
                    if !self.is_over() {
                        self.repeat().await;
                    }
                }
                _ => self.send(op).await,
            }
        }
        self.ended
    }

    /// A row with an operation of unknown outcome must not be written, so a client that has one
    /// writes no more.
    fn is_over(&self) -> bool {
        self.ended.lost + self.ended.refused > 0 || self.load.stop.load(Ordering::Relaxed)
    }

    fn draw(&mut self, n: usize) -> Op {
        let key = format!("{}-{}-{n}", self.load.seed, self.number);
        if let Some((row, _)) = self.kept.back().filter(|_| self.rng.u8(0..100) < 20) {
            let (post, user) = (row.post.clone(), row.user.clone());
            let want = if self.rng.bool() { Some(self.kind()) } else { None };
            return Op { key, post, user, want };
        }
        // The product of two draws makes some posts popular.
        let place = self.rng.f64() * self.rng.f64() * self.load.posts.len() as f64;
        let post = self.load.posts[place as usize].clone();
        let user = format!("u{}-{}", self.number, self.rng.u8(0..60));
        let (user, want) = (UserId::new(&user).unwrap(), Some(self.kind()));
        Op { key, post, user, want }
    }

    fn kind(&mut self) -> String {
        let names: Vec<_> = self.kinds.names().collect();
        names[self.rng.usize(0..names.len())].to_owned()
    }

    async fn send(&mut self, op: Op) {
        let answer = self.api.send(&op).await;
        self.take(op, answer);
    }

    /// A proxy that does not wait: both arrive, one is applied, both get the same answer.
    async fn send_twice(&mut self, op: Op) {
        let (first, second) = tokio::join!(self.api.send(&op), self.api.send(&op));
        match (first, second) {
            (Ok(first), Ok(second)) if first.status == 200 && second.status == 200 => {
                assert_eq!(first.body, second.body, "{op:?}");
                self.take(op, Ok(first));
            }
            (Ok(answer), _) | (_, Ok(answer)) if answer.status == 200 => self.take(op, Ok(answer)),
            (first, _) => self.take(op, first),
        }
    }

    async fn repeat(&mut self) {
        let kept = self.rng.usize(0..self.kept.len());
        let (op, first) = self.kept[kept].clone();
        // What was acknowledged stays so, whatever becomes of the repetition.
        match self.api.send(&op).await {
            Ok(again) if is_refusal(&again) => self.ended.refused += 1,
            Ok(again) => self.load.ledger.with(|ledger| ledger.repeat(&op, &first, &again)),
            Err(_) => self.ended.lost += 1,
        }
    }

    fn take(&mut self, op: Op, answer: Result<Answer, reqwest::Error>) {
        match answer {
            Ok(answer) if is_refusal(&answer) => {
                self.ended.refused += 1;
                self.load.ledger.with(|ledger| ledger.doubt(op));
            }
            Ok(answer) => {
                self.load.ledger.with(|ledger| ledger.acknowledge(&op, &answer));
                self.ended.acknowledged += 1;
                self.load.acknowledged.send_modify(|count| *count += 1);
                if self.kept.len() == KEPT {
                    self.kept.pop_front();
                }
                self.kept.push_back((op, answer));
            }
            Err(_) => {
                self.ended.lost += 1;
                self.load.ledger.with(|ledger| ledger.doubt(op));
            }
        }
    }
}

/// Whether the server says that it cannot now, and when to come back.
fn is_refusal(answer: &Answer) -> bool {
    let refused = matches!(answer.status, 503 | 507);
    if refused {
        answer.problem();
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    refused
}
