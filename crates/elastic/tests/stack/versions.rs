//! Whatever comes in whatever order, the newest stays.

use kudos_core::ports::{PostIndex, Projection, Put};
use kudos_core::{Millis, Post, PostId, Snapshot};
use kudos_elastic::{Elastic, Stored};
use kudos_testkit::Scope;

use crate::server::{at_revision, elastic, found, put, shared, snapshot};

async fn stored(elastic: &Elastic, posts: &[PostId]) -> Vec<Stored> {
    let stored = elastic.copies(posts).await.expect("the server answers");
    stored.into_iter().map(|stored| stored.expect("it was put")).collect()
}

#[tokio::test]
async fn snapshots_shuffled_and_doubled_by_several_writers_end_at_the_newest() {
    const REVISIONS: usize = 101;
    let (elastic, scope) = (elastic(&shared().await), Scope::new());
    let posts = ["a", "b", "c"].map(|name| scope.written(name, "apple", 0));
    // Each writer has all of them, in an order of its own.
    let write = async |step: usize| {
        let places = (0..REVISIONS).map(|n| 1 + n * step % REVISIONS);
        let of = |n: usize| posts.each_ref().map(|post| at_revision(post, n as u64, n as u64));
        let snapshots: Vec<_> = places.flat_map(of).collect();
        for batch in snapshots.chunks(40) {
            put(&elastic, batch).await;
        }
    };
    tokio::join!(write(37), write(59), write(100));
    let ids = posts.map(|post| post.id);
    for copy in stored(&elastic, &ids).await {
        assert_eq!((copy.version, copy.total), (REVISIONS as u64, REVISIONS as u64));
    }
    elastic.refresh().await.expect("the server answers");
    let totals: Vec<_> =
        found(&elastic, &scope.to_string()).await.iter().map(|hit| hit.total).collect();
    assert_eq!(totals, [101; 3]);
}

#[tokio::test]
async fn an_older_snapshot_does_not_bring_a_hidden_post_back() {
    let (elastic, scope) = (elastic(&shared().await), Scope::new());
    let post = scope.written("p", "apple", 0);
    let hidden = Snapshot { hidden: true, ..at_revision(&post, 3, 5) };
    put(&elastic, &[hidden, at_revision(&post, 9, 4)]).await;
    elastic.refresh().await.expect("the server answers");
    assert_eq!(found(&elastic, &scope.to_string()).await, []);
    let copy = &stored(&elastic, std::slice::from_ref(&post.id)).await[0];
    assert!(copy.hidden);
    assert_eq!((copy.version, copy.total), (5, 3));
    put(&elastic, &[at_revision(&post, 9, 6)]).await;
    elastic.refresh().await.expect("the server answers");
    assert_eq!(found(&elastic, &scope.to_string()).await.len(), 1);
}

#[tokio::test]
async fn a_document_that_the_server_refuses_is_set_aside_alone() {
    let (elastic, scope) = (elastic(&shared().await), Scope::new());
    let post = |name: &str| scope.written(name, "apple", 0);
    // Beyond the numbers of the server.
    let beyond = Post { created_at: Millis(u64::MAX), ..post("beyond") };
    let snapshots = [post("a"), beyond, post("b")].map(|post| snapshot(&post, 0));
    let put = elastic.put(&snapshots).await.expect("the server answers");
    assert!(matches!(&*put, [Put::Held, Put::Refused(_), Put::Held]), "{put:?}");
    let ids = snapshots.map(|snapshot| snapshot.post.id);
    let known: Vec<_> = elastic.copies(&ids).await.expect("the server answers");
    assert_eq!(known.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
}

#[tokio::test]
async fn a_post_as_large_as_may_be_is_taken_whatever_its_letters() {
    let (elastic, scope) = (elastic(&shared().await), Scope::new());
    let body = "\u{1}".repeat(kudos_core::post::MAX_BODY_BYTES);
    let author = "é".repeat(5_000);
    let post = Post { body, author, ..scope.written("p", &"x".repeat(512), 0) };
    put(&elastic, &[snapshot(&post, 0), snapshot(&post, 1)]).await;
}
