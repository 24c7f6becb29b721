use std::collections::BTreeMap;

use kudos_core::{Kind, Millis, Post, PostId, UserId};

use super::client::Request;

/// What users do: the same numbers give the same requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Before every name, so that workloads can share a server.
    pub prefix: String,
    /// Different posts, at least one.
    pub posts: usize,
    /// Different users, at least one.
    pub users: usize,
    /// Operations, those that are sent again counted once.
    pub operations: usize,
    /// Different kinds, at least one.
    pub kinds: u8,
    /// The share of operations that are sent again under the same key.
    pub repeated: f64,
    /// The share of operations that change or take back what the user holds.
    pub changes: f64,
    /// How unevenly posts are liked: the exponent of Zipf's law.
    pub skew: f64,
    /// Where chance begins.
    pub seed: u64,
}

impl Default for Workload {
    /// 200 posts, 2,000 users, 20,000 operations, 30% of them sent again, 20% changes or unlikes.
    fn default() -> Self {
        Self {
            prefix: "w".into(),
            posts: 200,
            users: 2_000,
            operations: 20_000,
            kinds: 6,
            repeated: 0.3,
            changes: 0.2,
            skew: 0.99,
            seed: 0,
        }
    }
}

impl Workload {
    /// The posts, to be stored before they are liked: one a second, so that ties are rare but
    /// there.
    pub fn stored(&self, first: Millis) -> Vec<Post> {
        let post = |i: usize| Post {
            id: self.post(i),
            title: format!("Post {i}"),
            body: format!("{} {i}", self.prefix),
            author: "ann".into(),
            created_at: Millis(first.0 + (i / 2) as u64 * 1_000),
        };
        (0..self.posts.max(1)).map(post).collect()
    }

    /// The post of that number.
    pub fn post(&self, i: usize) -> PostId {
        PostId::new(&format!("{}-p{i}", self.prefix)).expect("a prefix that is a valid id")
    }

    fn user(&self, i: usize) -> UserId {
        UserId::new(&format!("{}-u{i}", self.prefix)).expect("a prefix that is a valid id")
    }

    /// The requests, split into lanes: all of a user are in one, in their order.
    pub fn lanes(&self, lanes: usize) -> Vec<Vec<Request>> {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let ranks = Ranks::new(self.posts.max(1), self.skew);
        let mut held: BTreeMap<usize, Vec<(usize, Option<u8>)>> = BTreeMap::new();
        let mut requests = vec![Vec::new(); lanes.max(1)];
        for n in 0..self.operations {
            let user = rng.usize(..self.users.max(1));
            let rows = held.entry(user).or_default();
            let change = !rows.is_empty() && rng.f64() < self.changes;
            let (post, want) = match change {
                true => {
                    let row = rng.usize(..rows.len());
                    let (post, before) = rows[row];
                    (post, self.other_kind(&mut rng, before))
                }
                false => (ranks.draw(&mut rng), Some(rng.u8(..self.kinds.max(1)))),
            };
            match rows.iter_mut().find(|(known, _)| *known == post) {
                Some(row) => row.1 = want,
                None => rows.push((post, want)),
            }
            let lane = user % requests.len();
            requests[lane].push(Request {
                key: format!("{}-{}-{n}", self.prefix, self.seed),
                post: self.post(post),
                user: self.user(user),
                want: want.map(Kind),
            });
        }
        requests
    }

    /// Half of the changes are unlikes.
    fn other_kind(&self, rng: &mut fastrand::Rng, before: Option<u8>) -> Option<u8> {
        let Some(before) = before else { return Some(rng.u8(..self.kinds.max(1))) };
        let next = (u16::from(before) + 1) % u16::from(self.kinds.max(1));
        rng.bool().then_some(u8::try_from(next).unwrap_or(0))
    }
}

/// Zipf's law over numbers from 0: the first is the most frequent.
struct Ranks(Vec<f64>);

impl Ranks {
    fn new(ranks: usize, skew: f64) -> Self {
        let mut sum = 0.0;
        let weights = (1..=ranks).map(|rank| {
            sum += (rank as f64).powf(-skew);
            sum
        });
        Self(weights.collect())
    }

    fn draw(&self, rng: &mut fastrand::Rng) -> usize {
        let Some(sum) = self.0.last() else { return 0 };
        let drawn = rng.f64() * sum;
        self.0.partition_point(|&until| until <= drawn).min(self.0.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_requests_and_each_user_one_lane() {
        let workload = Workload { operations: 2_000, ..Workload::default() };
        let lanes = workload.lanes(7);
        assert_eq!(lanes, workload.lanes(7));
        assert_ne!(lanes, Workload { seed: 1, ..workload }.lanes(7));
        for (i, lane) in lanes.iter().enumerate() {
            let users = lane.iter().map(|request| &request.user);
            for user in users {
                let elsewhere = lanes.iter().enumerate().filter(|&(other, _)| other != i);
                assert!(elsewhere.flat_map(|(_, lane)| lane).all(|r| r.user != *user));
            }
        }
    }

    #[test]
    fn it_is_as_uneven_and_as_changeable_as_asked() {
        let workload = Workload::default();
        let requests: Vec<_> = workload.lanes(1).remove(0);
        assert_eq!(requests.len(), 20_000);
        let first = requests.iter().filter(|r| r.post == workload.post(0)).count();
        let last = requests.iter().filter(|r| r.post == workload.post(199)).count();
        assert!(first > 20 * last, "{first} and {last}");
        let unlikes = requests.iter().filter(|r| r.want.is_none()).count();
        assert!((1_000..3_000).contains(&unlikes), "{unlikes}");
    }
}
