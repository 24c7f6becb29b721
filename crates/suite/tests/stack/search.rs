//! How soon a like is seen, and by whom.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use kudos_core::ports::{IndexOrder, IndexQuery, PostIndex};
use kudos_testkit::Scope;

use crate::support::{Api, World, eventually};

/// The promise: 1.15 × the refresh interval of a second, and one more.
const INDEX_LIMIT: Duration = Duration::from_millis(2_150);

async fn like(api: &Api, scope: &Scope, post: &str, users: std::ops::Range<u32>) {
    for user in users {
        let (post, user) = (scope.post(post), scope.user(user));
        let answer = api.react("k", post.as_str(), user.as_str(), Some("like")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// Waits until a search for the scope's word finds so many posts.
async fn found(api: &Api, scope: &Scope, count: usize) {
    let query = format!("q={scope}&sort=relevance&limit=100");
    eventually("posts are found by their words", Duration::from_secs(30), async || {
        (api.search(&query).await.0.len() >= count.min(100)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_like_is_seen_at_once_through_redis_and_soon_in_the_index() {
    let (world, scope) = (World::open("search").await, Scope::new());
    let (writer, search, _projector) = futures::join!(
        world.start("reaction-write"),
        world.start("search"),
        world.start("projector")
    );
    let (write, read) = (writer.api(), search.api());
    for (name, at) in [("old", 0), ("new", 1_000)] {
        write.put_post(&scope.written(name, "title", at)).await;
    }
    found(&read, &scope, 2).await;
    eventually("ranks are complete", Duration::from_secs(20), async || {
        let (_, page) = read.search("sort=popular").await;
        (page["source"] == "live").then_some(())
    })
    .await;

    like(&write, &scope, "old", 0..3).await;
    let liked = Instant::now();
    let (posts, page) = read.search(&format!("q={scope}&sort=popular")).await;
    let (old, new) = (scope.post("old").to_string(), scope.post("new").to_string());
    assert_eq!(posts, [(old.clone(), 3), (new, 0)], "{page}");
    assert_eq!((&page["source"], &page["degraded"]), (&"live".into(), &false.into()), "{page}");

    let index = world.elastic();
    let query = IndexQuery {
        text: scope.to_string(),
        since: None,
        among: None,
        order: IndexOrder::Popular,
        limit: 1,
    };
    eventually("the index ranks it first", INDEX_LIMIT, async || {
        let hits = index.search(&query).await.unwrap();
        (hits[0].post.as_str() == old && hits[0].total == 3).then_some(())
    })
    .await;
    println!("in the index after {:?}", liked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_just_liked_to_the_top_is_found_although_the_index_does_not_know_yet() {
    const POSTS: u64 = 230;
    let (world, scope) = (World::open("candidates").await, Scope::new());
    let (writer, search, projector) = futures::join!(
        world.start("reaction-write"),
        world.start("search"),
        world.start("projector")
    );
    let (write, read) = (writer.api(), search.api());
    // The first one is the oldest: without likes it is behind all candidates.
    stream::iter(0..POSTS)
        .for_each_concurrent(16, async |n| {
            write.put_post(&scope.written(n, "title", n * 1_000)).await;
        })
        .await;
    found(&read, &scope, 100).await;
    let index = world.elastic();
    eventually("all are in the index", Duration::from_secs(20), async || {
        let posts: Vec<_> = (0..POSTS).map(|n| scope.post(n)).collect();
        let copies = index.copies(&posts).await.ok()?;
        copies.iter().all(Option::is_some).then_some(())
    })
    .await;
    assert!(projector.stop().await.success());

    like(&write, &scope, "0", 0..2).await;
    eventually("it is found at the top", Duration::from_secs(2), async || {
        let (posts, _) = read.search(&format!("q={scope}&sort=popular&limit=5")).await;
        (posts[0] == (scope.post("0").to_string(), 2)).then_some(())
    })
    .await;
    let copy = index.copies(&[scope.post("0")]).await.unwrap().remove(0).unwrap();
    assert_eq!(copy.total, 0);
}
