//! The index against a look through all posts.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kudos_core::ports::{IndexHit, IndexOrder, IndexQuery, PostIndex, PostStore};
use kudos_core::{Millis, PostId, RankEntry, TimeKey};
use kudos_embedded::Board;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::{Machine, post_id};

/// What happens to a post.
#[derive(Debug, Clone)]
enum Step {
    Upsert { post: u8, title: String, body: String, at: u64 },
    Hide(u8),
    React(u8, u64),
    Refresh,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let text = || proptest::collection::vec("[a-e]", 0..4).prop_map(|words| words.join(" "));
    let step = prop_oneof![
        10 => (0..12_u8, text(), text(), 0..4_u64)
            .prop_map(|(post, title, body, at)| Step::Upsert { post, title, body, at }),
        2 => (0..12_u8).prop_map(Step::Hide),
        5 => (0..12_u8, 0..4_u64).prop_map(|(post, user)| Step::React(post, user)),
        2 => Just(Step::Refresh),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..40)
}

/// Posts as the store must hold them: title, body and time of the visible ones.
#[derive(Default)]
struct Naive(BTreeMap<String, (String, u64)>);

impl Naive {
    fn matches(&self, board: &Board, text: &str, since: u64) -> Vec<RankEntry> {
        let has = |held: &str| text.split(' ').all(|word| held.split(' ').any(|w| w == word));
        let within = self.0.iter().filter(|(_, (held, at))| has(held) && *at >= since);
        let entry = |(id, (_, at)): (&String, &(String, u64))| RankEntry {
            post: post_id(id),
            total: board.total(id),
            created_at: Millis(*at),
        };
        within.map(entry).collect()
    }
}

async fn run(steps: Vec<Step>) {
    let (mut machine, mut naive) = (Machine::new(), Naive::default());
    for step in steps {
        match step {
            Step::Upsert { post, title, body, at } => {
                let id = format!("p{post}");
                machine.upsert(&id, &title, &body, at).await;
                naive.0.insert(id, (format!("{title} {body}"), at));
            }
            Step::Hide(post) => {
                let id = format!("p{post}");
                machine.store.hide(&post_id(&id)).await.unwrap();
                naive.0.remove(&id);
            }
            Step::React(post, user) => {
                let id = format!("p{post}");
                if naive.0.contains_key(&id) {
                    machine.react(&id, user..user + 1).await;
                }
            }
            Step::Refresh => machine.index.refresh().await.unwrap(),
            Step::Restart => machine = Machine::on(machine.stop()),
        }
    }
    machine.index.refresh().await.unwrap();
    for (text, since, limit) in [("a", 0, 3), ("b c", 0, 9), ("d a", 2, 9), ("e", 1, 2)] {
        let mut expected = naive.matches(&machine.board, text, since);
        let query = |order| {
            let (text, since) = (text.to_owned(), Some(Millis(since)));
            IndexQuery { text, since, among: None, order, limit }
        };
        let found = async |order| machine.index.search(&query(order)).await.unwrap();
        expected.sort();
        let popular = found(IndexOrder::Popular).await;
        let entry = |IndexHit { post, created_at, total }| RankEntry { post, total, created_at };
        let popular: Vec<_> = popular.into_iter().map(entry).collect();
        assert_eq!(popular, expected[..limit.min(expected.len())]);

        let key = |post: &PostId, created_at| TimeKey { created_at, post: post.clone() };
        expected.sort_by_key(|entry| key(&entry.post, entry.created_at));
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = found(IndexOrder::Recent(after.clone())).await;
            let Some(last) = page.last() else { break };
            after = Some(key(&last.post, last.created_at));
            walked.extend(page.into_iter().map(entry));
        }
        assert_eq!(walked, expected);

        let mut relevant: Vec<_> =
            found(IndexOrder::Relevance).await.into_iter().map(|hit| hit.post).collect();
        assert_eq!(relevant.len(), limit.min(expected.len()));
        relevant.retain(|post| !expected.iter().any(|entry| entry.post == *post));
        assert_eq!(relevant, []);
    }
}

/// An index with one post that no generated text names.
static SHARED: LazyLock<(Runtime, Machine)> = LazyLock::new(|| {
    let (runtime, machine) = (Runtime::new().unwrap(), Machine::new());
    runtime.block_on(machine.upsert("p", "unguessable", "", 1));
    runtime.block_on(machine.index.refresh()).unwrap();
    (runtime, machine)
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_index_finds_what_a_look_through_all_posts_finds(steps in steps()) {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(run(steps));
    }

    #[test]
    fn no_text_is_an_error(text in "\\PC{0,60}|[-+*?:\"(){}\\[\\]^~\\\\/!&|\u{0}-\u{1f} a]{0,40}") {
        let (runtime, machine) = &*SHARED;
        for order in [IndexOrder::Relevance, IndexOrder::Popular, IndexOrder::Recent(None)] {
            let query = IndexQuery { text: text.clone(), since: None, among: None, order, limit: 10 };
            let hits = runtime.block_on(machine.index.search(&query)).unwrap();
            prop_assert_eq!(hits.is_empty(), !text.is_empty(), "{:?}", text);
        }
    }
}
