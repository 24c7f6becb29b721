//! The checker: it remembers what was acknowledged, and compares it with what a server answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use futures::stream;
use kudos_core::row::REMEMBERED;
use kudos_core::{Counts, Kind, Kinds, Post, PostId, UserId};
use kudos_testkit::Model;
use kudos_testkit::model::Expected;
use serde_json::Value;

use super::{Answer, Api, Op, Ranked};

/// Requests that the checker has on the way at a time.
const PARALLEL: usize = 16;

/// What the clients know: operations that were acknowledged, and those whose outcome nobody told.
#[derive(Default)]
pub(crate) struct Ledger {
    kinds: Kinds,
    model: Model,
    in_doubt: Vec<Op>,
}

/// A ledger that all clients write.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Ledger>>);

impl Shared {
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }

    /// Stores posts and remembers them.
    pub(crate) async fn publish(&self, api: &Api, posts: &[Post]) {
        let stored = stream::iter(posts).for_each_concurrent(PARALLEL, async |post| {
            assert_eq!(api.put_post(post).await.status, 201);
        });
        stored.await;
        self.with(|ledger| posts.iter().for_each(|post| ledger.model.upsert(post)));
    }

    /// After a crash: each row is as acknowledged, or as an unanswered operation left it, and the
    /// counts are those of the rows.
    pub(crate) async fn check_survivors(&self, api: &Api) {
        let expected = self.with(|ledger| ledger.survivors());
        stream::iter(expected)
            .for_each_concurrent(PARALLEL, async |(post, rows)| {
                let found = api.reactors(&post).await;
                let counts = api.counts(post.as_str(), "nobody").await;
                check_counts(&counts, &tally(found.iter().map(|(_, kind)| kind.as_str())));
                let found: BTreeMap<_, _> = found.into_iter().collect();
                for (user, possible) in &rows {
                    let holds = found.get(user).cloned();
                    assert!(
                        possible.contains(&holds),
                        "{user} on {post}: {holds:?} of {possible:?}"
                    );
                }
                let strangers: Vec<_> =
                    found.keys().filter(|user| !rows.contains_key(*user)).collect();
                assert!(strangers.is_empty(), "{post}: {strangers:?}");
            })
            .await;
    }

    /// Sends again what was not answered, under the same keys: then nothing is in doubt.
    pub(crate) async fn settle(&self, api: &Api) {
        let open = self.with(|ledger| std::mem::take(&mut ledger.in_doubt));
        stream::iter(&open)
            .for_each_concurrent(PARALLEL, async |op| {
                let answer = api.send(op).await.unwrap();
                self.with(|ledger| ledger.acknowledge(op, &answer));
            })
            .await;
    }

    /// What every user holds, every count, the popular and the time order are as acknowledged.
    pub(crate) async fn check(&self, api: &Api) {
        assert!(self.with(|ledger| ledger.in_doubt.is_empty()));
        let posts = self.with(|ledger| ledger.expected_posts());
        stream::iter(&posts)
            .for_each_concurrent(PARALLEL, async |(post, counts, rows)| {
                check_counts(&api.counts(post.as_str(), "nobody").await, counts);
                assert_eq!(api.reactors(post).await, *rows, "{post}");
            })
            .await;
        self.check_mine(api).await;
        let (popular, recent) = self.with(|ledger| ledger.orders());
        assert_eq!(api.walk("sort=popular&limit=100").await, popular);
        let by_time = api.walk("sort=recent&limit=100").await;
        assert_eq!(by_time.into_iter().map(|row| row.post).collect::<Vec<_>>(), recent);
    }

    /// `mine` of some users, as they ask for it.
    async fn check_mine(&self, api: &Api) {
        let (users, posts) = self.with(|ledger| {
            let users: Vec<UserId> = ledger.model.users().into_iter().cloned().collect();
            (users, ledger.model.posts().take(100).cloned().collect::<Vec<PostId>>())
        });
        let some = users.len().div_ceil(64);
        stream::iter(users.iter().step_by(some))
            .for_each_concurrent(PARALLEL, async |user| {
                let mine = api.mine(user, &posts).await;
                let held = self.with(|ledger| {
                    posts
                        .iter()
                        .map(|post| ledger.name(ledger.model.held(user, post)))
                        .collect::<Vec<_>>()
                });
                assert_eq!(mine, held, "{user}");
            })
            .await;
    }
}

impl Ledger {
    /// Nobody told what became of the operation: the row must not be written until it is settled.
    pub(crate) fn doubt(&mut self, op: Op) {
        self.in_doubt.push(op);
    }

    /// An operation was answered for the first time.
    pub(crate) fn acknowledge(&mut self, op: &Op, answer: &Answer) {
        let found = answer.ok();
        let Expected::New { changed } = self.model.apply(&op.operation()) else {
            panic!("{op:?} was acknowledged before");
        };
        assert_eq!(found["mine"].as_str(), op.want.as_deref(), "{op:?}: {found}");
        assert_eq!(found["changed"], changed, "{op:?}: {found}");
        assert_eq!(found["source"], "truth");
        let counts = found["counts"].as_object().unwrap().values();
        let sum: u64 = counts.map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(found["total"], sum, "{op:?}: {found}");
    }

    /// An acknowledged operation was sent again: it gets its first answer, byte for byte, or, once
    /// that is forgotten, a refusal. It never does anything.
    pub(crate) fn repeat(&mut self, op: &Op, first: &Answer, answer: &Answer) {
        let Expected::Retry { newer, .. } = self.model.apply(&op.operation()) else {
            panic!("{op:?} was not acknowledged before");
        };
        if newer < REMEMBERED {
            assert_eq!((answer.status, &answer.body), (first.status, &first.body), "{op:?}");
        } else {
            assert_eq!(answer.problem(), "stale-operation");
        }
    }

    fn name(&self, kind: Option<Kind>) -> Option<String> {
        kind.map(|kind| self.kinds.name(kind).to_owned())
    }

    /// What each row may hold after a crash.
    fn survivors(&self) -> BTreeMap<PostId, BTreeMap<UserId, BTreeSet<Option<String>>>> {
        let mut posts: BTreeMap<PostId, BTreeMap<_, BTreeSet<_>>> = BTreeMap::new();
        for post in self.model.posts() {
            let rows = posts.entry(post.clone()).or_default();
            for (user, kind) in self.model.reactors(post, None) {
                rows.entry(user).or_default().insert(self.name(Some(kind)));
            }
        }
        for Op { post, user, want, .. } in &self.in_doubt {
            let before = self.name(self.model.held(user, post));
            let row = posts.entry(post.clone()).or_default().entry(user.clone()).or_default();
            row.extend([before, want.clone()]);
        }
        posts
    }

    #[expect(clippy::type_complexity, reason = "one line of a table, taken apart where it is used")]
    fn expected_posts(&self) -> Vec<(PostId, BTreeMap<String, u64>, Vec<(UserId, String)>)> {
        let expected = |post: &PostId| {
            let named = |(user, kind)| (user, self.kinds.name(kind).to_owned());
            let rows = self.model.reactors(post, None).into_iter().map(named).collect();
            (post.clone(), self.named(&self.model.counts(post)), rows)
        };
        self.model.posts().map(expected).collect()
    }

    fn named(&self, counts: &Counts) -> BTreeMap<String, u64> {
        let name = |kind| (self.kinds.name(kind).to_owned(), counts.get(kind));
        self.kinds.all().map(name).collect()
    }

    fn orders(&self) -> (Vec<Ranked>, Vec<String>) {
        let rank = |entry: kudos_core::RankEntry| Ranked {
            post: entry.post.to_string(),
            total: entry.total,
        };
        let popular = self.model.popular(None).into_iter().map(rank).collect();
        let recent = self.model.by_time(None).into_iter().map(|key| key.post.to_string());
        (popular, recent.collect())
    }
}

fn tally<'a>(kinds: impl Iterator<Item = &'a str>) -> BTreeMap<String, u64> {
    let names = Kinds::default();
    let mut tally: BTreeMap<_, _> = names.names().map(|name| (name.to_owned(), 0)).collect();
    for kind in kinds {
        *tally.get_mut(kind).expect("a configured kind") += 1;
    }
    tally
}

fn check_counts(found: &Value, expected: &BTreeMap<String, u64>) {
    let counts: BTreeMap<String, u64> = serde_json::from_value(found["counts"].clone()).unwrap();
    assert_eq!(counts, *expected, "{found}");
    assert_eq!(found["total"], expected.values().sum::<u64>(), "{found}");
}
