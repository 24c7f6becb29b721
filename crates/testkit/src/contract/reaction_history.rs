//! Random histories on the truth, compared with the model: at each answer, after each version
//! and at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use kudos_core::ports::ReactionStore;
use kudos_core::row::REMEMBERED;
use kudos_core::{Applied, ApplyError, Counts, Kind, OpId, Operation, PostId, UserId, Version};

use super::HasReactions;
use super::support::{assert_consistent, assert_replayed, counts, for_all, held, reactors};
use crate::history::{History, Shape, Step, histories};
use crate::model::{Expected, Model};
use crate::scope::Scope;

/// Small dense histories, shrunk to the least that fails.
pub async fn random_histories_agree_with_the_model<B: HasReactions>() {
    let shape = Shape { posts: 2, users: 4, kinds: 3, steps: 80 };
    let backend = B::open().await;
    let store = backend.reactions();
    for_all(24, histories(shape), async |history: History| {
        let mut lanes = Lanes::default();
        lanes.run(&store, &history.steps(&Scope::new())).await;
        lanes.assert_agrees(&store).await;
    });
}

/// A large history, interrupted: what comes after the restart retries what came before.
pub async fn what_was_acknowledged_survives_restarts<B: HasReactions>() {
    let shape = Shape { posts: 4, users: 16, kinds: 6, steps: 900 };
    let mut backend = B::open().await;
    let mut lanes = Lanes::default();
    let steps = History::seeded(shape, 42).steps(&Scope::new());
    for part in steps.chunks(steps.len().div_ceil(3)) {
        lanes.run(&backend.reactions(), part).await;
        backend = backend.restart().await;
        lanes.assert_agrees(&backend.reactions()).await;
    }
}

/// The operations of a history by user and post. Lanes run at the same time; within one, new
/// operations follow each other, so that the model knows what must come of each.
#[derive(Default)]
struct Lanes(BTreeMap<(PostId, UserId), Lane>);

#[derive(Default)]
struct Lane {
    /// New operations, in the order in which they were sent.
    sent: Vec<Operation>,
    answers: Vec<Answer>,
}

struct Answer {
    op: Operation,
    result: Result<Applied, ApplyError>,
    /// How many newer operations the row may have seen when this was answered.
    newer: usize,
}

impl Lanes {
    /// Sends the operations of a history and waits for all answers.
    async fn run(&mut self, store: &Arc<dyn ReactionStore>, steps: &[Step]) {
        let mut todo: BTreeMap<_, Vec<Operation>> = BTreeMap::new();
        for step in steps {
            if let Step::React(op) = step {
                let key = (op.post.clone(), op.user.clone());
                todo.entry(key).or_default().push(op.clone());
            }
        }
        let running = todo.into_iter().map(|(key, ops)| {
            let (mut lane, store) = (self.0.remove(&key).unwrap_or_default(), store.clone());
            tokio::spawn(async move {
                lane.run(&store, ops).await;
                (key, lane)
            })
        });
        let running: Vec<_> = running.collect();
        for done in join_all(running).await {
            let (key, lane) = done.expect("a lane does not panic");
            self.0.insert(key, lane);
        }
    }

    /// Compares all answers, and what the store holds now, with the model.
    async fn assert_agrees(&self, store: &Arc<dyn ReactionStore>) {
        let mut model = Model::new();
        let mut moves: BTreeMap<PostId, Vec<Move>> = BTreeMap::new();
        for ((post, _), lane) in &self.0 {
            let made = lane.assert_agrees(&mut model);
            moves.entry(post.clone()).or_default().extend(made);
        }
        for moves in moves.values_mut() {
            assert_versions_add_up(moves);
        }
        for post in model.posts() {
            assert_eq!(counts(store, post).await, model.counts(post).as_slice());
            assert_eq!(reactors(store, post, None, 7).await, model.reactors(post, None));
            for user in model.users() {
                assert_eq!(held(store, user, post).await, model.held(user, post));
            }
        }
    }
}

impl Lane {
    /// Sends the operations: retries at the same time as what comes next, new ones in turn.
    async fn run(&mut self, store: &Arc<dyn ReactionStore>, ops: Vec<Operation>) {
        let mut ops = ops.into_iter().peekable();
        while let Some(op) = ops.next() {
            let mut volley = vec![op];
            let mut new = self.note(&volley[0]);
            while let Some(next) = ops.next_if(|next| !new || self.knows(next.id)) {
                new |= self.note(&next);
                volley.push(next);
            }
            self.send(store, volley).await;
        }
    }

    async fn send(&mut self, store: &Arc<dyn ReactionStore>, volley: Vec<Operation>) {
        let sent: Vec<_> = volley
            .into_iter()
            .map(|op| {
                let (store, copy) = (store.clone(), op.clone());
                (op, tokio::spawn(async move { store.apply(copy).await }))
            })
            .collect();
        for (op, answer) in sent {
            let result = answer.await.expect("a store does not panic");
            let place = self.sent.iter().position(|sent| sent.id == op.id);
            let newer = place.map_or(0, |place| self.sent.len() - place - 1);
            self.answers.push(Answer { op, result, newer });
        }
    }

    fn knows(&self, id: OpId) -> bool {
        self.sent.iter().any(|sent| sent.id == id)
    }

    /// Whether the operation is new.
    fn note(&mut self, op: &Operation) -> bool {
        let new = !self.knows(op.id);
        if new {
            self.sent.push(op.clone());
        }
        new
    }

    /// Compares each answer with the model, and tells what the new operations moved.
    fn assert_agrees(&self, model: &mut Model) -> Vec<Move> {
        let (mut moves, mut last) = (Vec::new(), Version::default());
        for op in &self.sent {
            let from = model.held(&op.user, &op.post);
            let expected = model.apply(op);
            let applied = self.assert_applied_once(op);
            let outcome = &applied.outcome;
            let changed = outcome.changed;
            assert_eq!(Expected::New { changed }, expected, "{op:?}");
            assert_eq!(applied.from, from, "{op:?}");
            if changed {
                assert!(outcome.version > last, "versions increase: {op:?}");
            }
            last = last.max(outcome.version);
            moves.push(Move {
                version: outcome.version,
                counts: outcome.counts.clone(),
                from,
                to: op.want,
            });
        }
        moves
    }

    /// The one answer that says that the operation was new, once all others are checked.
    fn assert_applied_once(&self, op: &Operation) -> &Applied {
        let answers = || self.answers.iter().filter(|answer| answer.op.id == op.id);
        let new: Vec<_> = answers()
            .filter_map(|answer| answer.result.as_ref().ok())
            .filter(|applied| !applied.replayed)
            .collect();
        assert_eq!(new.len(), 1, "applied once: {op:?}");
        for Answer { op, result, newer } in answers() {
            match result {
                Ok(applied) => {
                    assert_consistent(op, applied);
                    if applied.replayed {
                        assert_replayed(new[0], applied);
                    }
                }
                Err(error) => {
                    assert_eq!(*error, ApplyError::Stale, "{op:?}");
                    assert!(*newer >= REMEMBERED, "forgotten too early: {op:?}");
                }
            }
        }
        new[0]
    }
}

/// What one operation moved, and the counts that it was answered.
struct Move {
    version: Version,
    counts: Counts,
    from: Option<Kind>,
    to: Option<Kind>,
}

/// Every version's counts are those before it plus what its operations moved: nothing is lost or
/// counted twice on the way, not only in the end.
fn assert_versions_add_up(moves: &mut [Move]) {
    moves.sort_by_key(|made| made.version);
    let mut holders: BTreeMap<_, i64> = BTreeMap::new();
    for commit in moves.chunk_by(|a, b| a.version == b.version) {
        for made in commit {
            for (kind, change) in
                made.from.map(|k| (k, -1)).into_iter().chain(made.to.map(|k| (k, 1)))
            {
                *holders.entry(kind).or_default() += change;
            }
        }
        for made in commit {
            for (&kind, &holders) in &holders {
                assert_eq!(made.counts.get(kind).cast_signed(), holders);
            }
            let total: i64 = holders.values().sum();
            assert_eq!(made.counts.total().cast_signed(), total);
        }
    }
}
