//! Random histories: what users, retrying clients and editors do to a few posts.

use std::collections::HashMap;

use kudos_core::row::{FINGERPRINTS, REMEMBERED};
use kudos_core::{Kind, Millis, Operation, Post, PostId, UserId};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::scope::{NOW, Scope};

/// The most new operations of one user on one post: a row remembers that it saw as many.
const MAX_PER_ROW: usize = REMEMBERED + FINGERPRINTS;

/// How large a history is, and how dense.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Different posts, at least one.
    pub posts: u8,
    /// Different users, at least one.
    pub users: u8,
    /// Different kinds, at least one.
    pub kinds: u8,
    /// Steps, of which a few may be left out.
    pub steps: usize,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A user reacts; a retry is the same operation, arriving later.
    React(Operation),
    /// A post is stored or changed.
    Upsert(Post),
    /// A post is taken away.
    Hide(PostId),
}

/// A history without names: see [`steps`](Self::steps).
#[derive(Debug, Clone)]
pub struct History(Vec<Draw>);

/// A step by numbers, which shrink well.
#[derive(Debug, Clone)]
enum Draw {
    React { post: u8, user: u8, kind: u8 },
    Change { of: Index, want: Option<u8> },
    Retry { of: Index },
    Upsert { post: u8, edition: u8 },
    Hide { post: u8 },
}

/// Histories of a shape: 30% of the steps are retries, in any order, 20% changes and unlikes.
pub fn histories(shape: Shape) -> impl Strategy<Value = History> {
    let Shape { posts, users, kinds, steps } = shape;
    let draw = prop_oneof![
        40 => (0..posts, 0..users, 0..kinds)
            .prop_map(|(post, user, kind)| Draw::React { post, user, kind }),
        20 => (any::<Index>(), prop::option::of(0..kinds))
            .prop_map(|(of, want)| Draw::Change { of, want }),
        30 => any::<Index>().prop_map(|of| Draw::Retry { of }),
        6 => (0..posts, 0..4u8).prop_map(|(post, edition)| Draw::Upsert { post, edition }),
        4 => (0..posts).prop_map(|post| Draw::Hide { post }),
    ];
    prop::collection::vec(draw, 0..=steps).prop_map(History)
}

impl History {
    /// The history of that number: the same number and shape give the same history.
    pub fn seeded(shape: Shape, seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let exact = prop::collection::vec(histories(Shape { steps: 1, ..shape }), shape.steps * 2);
        let tree = exact.new_tree(&mut runner);
        let parts = tree.expect("no draw is ever refused").current();
        let draws = parts.into_iter().flat_map(|part| part.0);
        Self(draws.take(shape.steps).collect())
    }

    /// The steps, with the names of a scope.
    pub fn steps(&self, scope: &Scope) -> Vec<Step> {
        let mut naming = Naming { scope, ops: Vec::new(), rows: HashMap::new() };
        let draws = self.0.iter().enumerate();
        draws.filter_map(|(i, draw)| naming.step(draw, Millis(NOW.0 + i as u64))).collect()
    }
}

struct Naming<'a> {
    scope: &'a Scope,
    /// The new operations so far, which later steps refer to.
    ops: Vec<Operation>,
    /// How many of them each row has.
    rows: HashMap<(PostId, UserId), usize>,
}

impl Naming<'_> {
    fn step(&mut self, draw: &Draw, at: Millis) -> Option<Step> {
        let op = match *draw {
            Draw::React { post, user, kind } => {
                let (post, user) = (self.post(post), self.scope.user(format!("u{user}")));
                self.react(post, user, Some(Kind(kind)), at)?
            }
            Draw::Change { of, want } => {
                let Operation { post, user, .. } = self.earlier(of)?.clone();
                self.react(post, user, want.map(Kind), at)?
            }
            Draw::Retry { of } => Operation { at, ..self.earlier(of)?.clone() },
            Draw::Upsert { post, edition } => return Some(Step::Upsert(self.edit(post, edition))),
            Draw::Hide { post } => return Some(Step::Hide(self.post(post))),
        };
        Some(Step::React(op))
    }

    fn react(
        &mut self,
        post: PostId,
        user: UserId,
        want: Option<Kind>,
        at: Millis,
    ) -> Option<Operation> {
        let row = self.rows.entry((post.clone(), user.clone())).or_default();
        if *row == MAX_PER_ROW {
            return None;
        }
        *row += 1;
        let key = format!("op-{}", self.ops.len());
        let op = Operation::keyed(&key, post, user, want, at);
        self.ops.push(op.clone());
        Some(op)
    }

    fn earlier(&self, of: Index) -> Option<&Operation> {
        (!self.ops.is_empty()).then(|| of.get(&self.ops))
    }

    fn post(&self, post: u8) -> PostId {
        self.scope.post(format!("p{post}"))
    }

    /// An edition of a post: odd ones are of another time, so that ties and moves occur.
    fn edit(&self, post: u8, edition: u8) -> Post {
        let title = format!("edition {edition}");
        let at = u64::from(edition % 2) * 1000;
        self.scope.written(format!("p{post}"), &title, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Expected, Model};

    const SHAPE: Shape = Shape { posts: 5, users: 20, kinds: 6, steps: 4000 };

    #[test]
    fn a_seed_gives_its_history_again() {
        let scope = Scope::new();
        let steps = |seed| History::seeded(SHAPE, seed).steps(&scope);
        assert_eq!(steps(7), steps(7));
        assert_ne!(steps(7), steps(8));
    }

    #[test]
    fn the_mix_is_as_documented() {
        let steps = History::seeded(SHAPE, 1).steps(&Scope::new());
        let mut model = Model::new();
        let mut retries = 0;
        for step in &steps {
            if let Step::React(op) = step {
                let expected = model.apply(op);
                assert_ne!(expected, Expected::KeyReused);
                retries += usize::from(matches!(expected, Expected::Retry { .. }));
            }
        }
        let share = retries as f64 / steps.len() as f64;
        assert!((0.25..0.40).contains(&share), "{share}");
    }
}
