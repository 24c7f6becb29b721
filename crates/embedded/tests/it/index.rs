//! The text index keeps the promises of its port, follows the store, and ranks by the counts of
//! now.

mod damage;
mod naive;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use kudos_core::ports::{
    IndexHit, IndexOrder, IndexQuery, LiveCounts, PostIndex, PostStore, ReactionStore,
};
use kudos_core::{
    Counts, Kind, Millis, Operation, Post, PostId, PostState, RankEntry, SystemClock, UserId,
    Version,
};
use kudos_embedded::{Board, Embedded, Lag, Options, Store, TextIndex};
use kudos_testkit::contract::{Backend, HasIndex};
use tempfile::TempDir;

/// All backends on a folder of their own.
struct Machine {
    store: Arc<Store>,
    board: Arc<Board>,
    index: Arc<TextIndex>,
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        Self::on(TempDir::new().unwrap())
    }

    fn on(folder: TempDir) -> Self {
        let options = Options::default();
        let embedded = Embedded::open(folder.path(), &options, Arc::new(SystemClock)).unwrap();
        let Embedded { store, board, index } = embedded;
        Self { store, board, index, folder }
    }

    /// Stops without any chance to finish: nothing is committed on the way.
    fn stop(self) -> TempDir {
        self.folder
    }

    fn index_folder(&self) -> PathBuf {
        self.folder.path().join("index")
    }

    async fn upsert(&self, id: &str, title: &str, body: &str, at: u64) {
        self.store.upsert(&post(id, title, body, at)).await.unwrap();
    }

    async fn upsert_many(&self, count: u64) {
        for n in 0..count {
            self.upsert(&format!("p{n:03}"), "apple", &format!("number {n}"), n).await;
        }
    }

    async fn react(&self, id: &str, users: std::ops::Range<u64>) {
        for user in users {
            let user = UserId::new(&format!("u{user}")).unwrap();
            let op = Operation::keyed("k", post_id(id), user, Some(Kind(0)), Millis(1));
            self.store.apply(op).await.unwrap();
        }
    }

    async fn search(&self, text: &str, order: IndexOrder) -> Vec<IndexHit> {
        let query = IndexQuery { text: text.into(), since: None, among: None, order, limit: 1000 };
        self.index.search(&query).await.unwrap()
    }

    async fn found(&self, text: &str) -> Vec<String> {
        let hits = self.search(text, IndexOrder::Recent(None)).await;
        hits.into_iter().map(|hit| hit.post.to_string()).collect()
    }
}

fn post_id(id: &str) -> PostId {
    PostId::new(id).unwrap()
}

fn post(id: &str, title: &str, body: &str, at: u64) -> Post {
    let (title, body) = (title.to_owned(), body.to_owned());
    Post { id: post_id(id), title, body, author: String::new(), created_at: Millis(at) }
}

mod contract {
    kudos_testkit::post_index_contract!(super::Machine);
}

impl Backend for Machine {
    async fn open() -> Self {
        Self::new()
    }

    async fn restart(self) -> Self {
        Self::on(self.stop())
    }
}

impl HasIndex for Machine {
    fn index(&self) -> Arc<dyn PostIndex> {
        self.index.clone()
    }

    async fn put(&self, posts: &[Post]) {
        self.index.put(posts).await.unwrap();
    }

    async fn remove(&self, posts: &[PostId]) {
        self.index.remove(posts).await.unwrap();
    }

    async fn set_totals(&self, totals: &[(PostId, u64)]) -> bool {
        let states = totals.iter().map(|(post, total)| PostState {
            post: post.clone(),
            created_at: Millis(0),
            version: Version(1),
            counts: Counts::from_iter([*total]),
            as_of: Millis(0),
        });
        self.board.merge(&states.collect::<Vec<_>>()).await.is_ok()
    }
}

#[tokio::test]
async fn what_the_store_holds_is_found_after_a_refresh() {
    let machine = Machine::new();
    machine.upsert("a", "Rust", "counts reactions", 1).await;
    machine.upsert("b", "Go", "counts too", 2).await;
    machine.index.refresh().await.unwrap();
    assert_eq!(machine.found("counts").await, ["b", "a"]);
    machine.upsert("a", "Rust", "other words", 3).await;
    machine.store.hide(&post_id("b")).await.unwrap();
    machine.index.refresh().await.unwrap();
    assert_eq!(machine.found("counts").await, [""; 0]);
    assert_eq!(machine.found("rust").await, ["a"]);
    let Lag { revisions, since, rebuilding, failure } = machine.index.lag();
    assert_eq!((revisions, since, rebuilding, failure), (0, None, false, None));
}

#[tokio::test]
async fn a_hidden_post_is_not_found_even_before_a_refresh() {
    let machine = Machine::new();
    machine.upsert_many(3).await;
    machine.index.refresh().await.unwrap();
    machine.store.hide(&post_id("p001")).await.unwrap();
    assert_eq!(machine.found("apple").await, ["p002", "p000"]);
}

#[tokio::test]
async fn the_popular_order_is_that_of_the_counts_of_now() {
    let machine = Machine::new();
    machine.upsert_many(40).await;
    machine.index.refresh().await.unwrap();
    let mut totals: BTreeMap<String, u64> = (0..40).map(|n| (format!("p{n:03}"), 0)).collect();
    for step in 0..12_u64 {
        let id = format!("p{:03}", step * 17 % 40);
        let before = totals[&id];
        machine.react(&id, before..before + 1 + step % 3).await;
        totals.insert(id, before + 1 + step % 3);
        // Several segments, and a post whose text came after its reactions.
        machine.upsert("late", "apple", &step.to_string(), 100).await;
        totals.entry("late".into()).or_default();
        machine.index.refresh().await.unwrap();
        let created_at = |id: &str| id.strip_prefix('p').map_or(100, |n| n.parse().unwrap());
        let mut expected: Vec<_> = totals
            .iter()
            .map(|(id, &total)| RankEntry {
                post: post_id(id),
                total,
                created_at: Millis(created_at(id)),
            })
            .collect();
        expected.sort();
        let hits = machine.search("apple", IndexOrder::Popular).await;
        let found = hits.into_iter().map(|IndexHit { post, created_at, total }| RankEntry {
            post,
            total,
            created_at,
        });
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_word_in_the_title_weighs_more() {
    let machine = Machine::new();
    machine.upsert("body", "one two", "apple three", 2).await;
    machine.upsert("title", "apple two", "one three", 1).await;
    machine.index.refresh().await.unwrap();
    let hits = machine.search("apple", IndexOrder::Relevance).await;
    let found: Vec<_> = hits.iter().map(|hit| hit.post.as_str()).collect();
    assert_eq!(found, ["title", "body"]);
}
