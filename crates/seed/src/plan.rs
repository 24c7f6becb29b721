//! What a seed consists of. Everything follows from the arguments and from the moment that the
//! newest post hangs on, so the same seed can be written again, and nothing changes.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kudos_core::{IdError, Kind, Kinds, Millis, Operation, Post, PostId, UserId};

use crate::text;

/// The exponent of the popularity: the post of rank r gets a share of r^-0.99.
const SKEW: f64 = 0.99;
const SPAN: Duration = Duration::from_secs(90 * 24 * 3600);
const DAY_MS: u64 = 24 * 3600 * 1000;
/// The age of the first post at the moment that all others hang on.
const FIRST_AGE_MS: u64 = 5 * 60 * 1000;

/// How much to seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed {
    /// Posts.
    pub posts: u32,
    /// Users who react, at least one.
    pub users: u32,
    /// Reactions of these users on these posts, at most `posts` × `users`.
    pub reactions: u64,
    /// Another number makes other posts.
    pub seed: u64,
}

/// A reaction of a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// Its idempotency key.
    pub key: String,
    /// The post.
    pub post: PostId,
    /// Who reacts.
    pub user: UserId,
    /// With what.
    pub kind: Kind,
    /// When.
    pub at: Millis,
}

impl Reaction {
    /// The reaction as an operation.
    pub fn operation(self) -> Operation {
        Operation::keyed(&self.key, self.post, self.user, Some(self.kind), self.at)
    }
}

/// A seed in the making.
pub struct Plan {
    args: Seed,
    kinds: Arc<Kinds>,
    now: Millis,
    /// Reactions of each post.
    shares: Vec<u32>,
}

impl Plan {
    /// The seed as of `now`.
    pub fn new(args: Seed, kinds: Arc<Kinds>, now: Millis) -> Self {
        let mut plan = Self { args, kinds, now, shares: Vec::new() };
        // Young posts have not had the time to become the most popular ones.
        let rank = |&n: &u32| {
            let young = plan.age_ms(n) < DAY_MS;
            plan.rng(&[1, n.into()]).f64() + if young { 0.3 } else { 0.0 }
        };
        let mut by_rank: Vec<(f64, u32)> = (0..args.posts).map(|n| (rank(&n), n)).collect();
        by_rank.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        plan.shares = vec![0; args.posts as usize];
        for ((_, n), share) in by_rank.into_iter().zip(zipf(args.posts, args.reactions, args.users))
        {
            plan.shares[n as usize] = share;
        }
        plan
    }

    /// The moment that a seed hangs on whose first post was created at `first`.
    pub fn anchor(first: Millis) -> Millis {
        first.plus(Duration::from_millis(FIRST_AGE_MS))
    }

    /// The id of the `n`-th post.
    ///
    /// # Errors
    /// None for a seed: the id is valid.
    pub fn post_id(args: &Seed, n: u32) -> Result<PostId, IdError> {
        PostId::new(&format!("seed{}-{n:05}", args.seed))
    }

    /// The `n`-th post.
    ///
    /// # Errors
    /// None for a seed: the id is valid.
    pub fn post(&self, n: u32) -> Result<Post, IdError> {
        let mut rng = self.rng(&[2, n.into()]);
        let (title, body) = text::post(&mut rng);
        let author = text::user(rng.u32(..self.args.users));
        Ok(Post {
            id: Self::post_id(&self.args, n)?,
            title,
            body,
            author,
            created_at: self.created(n),
        })
    }

    /// All reactions of the `n`-th post, by as many different users.
    pub fn reactions(
        self: Arc<Self>,
        n: u32,
    ) -> impl Iterator<Item = Result<Reaction, IdError>> + Send + use<> {
        let users = self.args.users;
        let mut rng = self.rng(&[3, n.into()]);
        // j ↦ first + j·step mod users visits every user once if the step has no common divisor.
        let first = rng.u32(..users);
        let step =
            (0..64).map(|_| rng.u32(1..=users)).find(|&step| coprime(step, users)).unwrap_or(1);
        let visit =
            move |j: u32| (u64::from(first) + u64::from(j) * u64::from(step)) % u64::from(users);
        let mood: Vec<f64> =
            self.kinds.all().map(|kind| weight(kind) * (0.4 + rng.f64())).collect();
        // A share is a number of users, so a visited user fits in 32 bits.
        (0..self.shares[n as usize]).map(move |j| self.reaction(n, visit(j) as u32, &mood))
    }

    fn reaction(&self, n: u32, user: u32, mood: &[f64]) -> Result<Reaction, IdError> {
        let mut rng = self.rng(&[4, n.into(), user.into()]);
        let kind = draw(mood, &mut rng);
        let created = self.created(n);
        let delay = part(self.now.0 - created.0, rng.f64().powi(3));
        let (post, user) = (Self::post_id(&self.args, n)?, UserId::new(&text::user(user))?);
        let key = format!("seed:{post}:{user}:{}", self.kinds.name(kind));
        let at = created.plus(Duration::from_millis(delay));
        Ok(Reaction { key, post, user, kind, at })
    }

    fn created(&self, n: u32) -> Millis {
        self.now.minus(Duration::from_millis(self.age_ms(n)))
    }

    /// Denser towards now: of 500 posts about 15 are younger than an hour.
    fn age_ms(&self, n: u32) -> u64 {
        match n {
            0 => FIRST_AGE_MS,
            n => part(SPAN.as_millis() as u64, self.rng(&[5, n.into()]).f64().powf(2.2)),
        }
    }

    /// Random numbers for one purpose, the same in whatever order they are asked for.
    fn rng(&self, purpose: &[u64]) -> Rng {
        let mixed = purpose.iter().fold(mix(self.args.seed), |state, &part| mix(state ^ mix(part)));
        Rng::with_seed(mixed)
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): spreads neighbouring numbers.
fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// `total` dealt out over ranks, at most `most` each; what a rank cannot take goes to those after.
fn zipf(ranks: u32, total: u64, most: u32) -> Vec<u32> {
    let weight = |rank: u32| f64::from(rank).powf(-SKEW);
    let mut weights_left: f64 = (1..=ranks).map(weight).sum();
    let mut left = total;
    let mut deal = |rank: u32| {
        let share = part(left, (weight(rank) / weights_left).min(1.0)).min(u64::from(most));
        weights_left -= weight(rank);
        left -= share;
        // It is at most `most`, which has 32 bits.
        share as u32
    };
    (1..=ranks).map(&mut deal).collect()
}

/// Earlier kinds are the more frequent ones.
fn weight(kind: Kind) -> f64 {
    (kind.index() as f64 + 1.0).powf(-1.5)
}

fn draw(weights: &[f64], rng: &mut Rng) -> Kind {
    let mut at = rng.f64() * weights.iter().sum::<f64>();
    let drawn = weights.iter().position(|weight| {
        at -= weight;
        at < 0.0
    });
    // There are at most 32 kinds. Rounding may leave a trace behind the last one.
    Kind(drawn.unwrap_or(0) as u8)
}

/// The share of a whole, rounded; 0 ≤ `share` ≤ 1.
fn part(whole: u64, share: f64) -> u64 {
    ((whole as f64 * share).round() as u64).min(whole)
}

fn coprime(mut a: u32, mut b: u32) -> bool {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ARGS: Seed = Seed { posts: 200, users: 300, reactions: 9000, seed: 1 };

    #[test]
    fn nobody_reacts_twice_and_no_reaction_is_missing() {
        let now = Millis(SPAN.as_millis() as u64 * 200);
        let plan = Arc::new(Plan::new(ARGS, Arc::default(), now));
        let mut pairs = HashSet::new();
        for n in 0..ARGS.posts {
            for op in Arc::clone(&plan).reactions(n) {
                let op = op.unwrap();
                assert!(op.at >= plan.created(n) && op.at <= plan.now);
                assert!(pairs.insert((op.post, op.user)));
            }
        }
        assert_eq!(pairs.len() as u64, ARGS.reactions);
    }

    #[test]
    fn popularity_falls_with_the_rank_and_never_exceeds_the_users() {
        let shares = zipf(100, 5000, 400);
        assert_eq!(shares.iter().map(|&n| u64::from(n)).sum::<u64>(), 5000);
        assert_eq!(shares[0], 400);
        assert!(shares.windows(2).all(|pair| pair[0] + 1 >= pair[1]), "{shares:?}");
        assert!(shares[10] > 3 * shares[90], "{shares:?}");
    }

    #[test]
    fn every_window_has_posts() {
        let args = Seed { posts: 500, ..ARGS };
        let plan = Plan::new(args, Arc::default(), Millis(u64::MAX / 2));
        let younger = |hours: u64| (0..500).filter(|&n| plan.age_ms(n) < hours * 3_600_000).count();
        assert!(younger(1) >= 5 && younger(24) >= 30 && younger(7 * 24) >= 100);
        assert!(younger(7 * 24) < 300);
    }
}
