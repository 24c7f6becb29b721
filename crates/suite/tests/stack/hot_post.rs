//! Two writers on one post, which everybody likes at once.

use futures::{StreamExt, stream};
use kudos_core::ports::Snapshots;
use kudos_testkit::Scope;

use crate::support::{CONDITIONAL_WRITES, World};

const USERS: usize = 5_000;

#[tokio::test]
async fn two_writers_on_one_post_need_at_most_two_conditional_writes_per_commit() {
    let (world, scope) = (World::open("laws").await, Scope::new());
    let (a, b) = futures::join!(world.start("reaction-write"), world.start("reaction-write"));
    a.api().patient().put_post(&scope.written("p", "hot", 0)).await;
    let (post, apis) = (scope.post("p"), [a.api().patient(), b.api().patient()]);
    stream::iter(0..USERS)
        .for_each_concurrent(128, async |n| {
            let user = scope.user(format!("u{n}"));
            let answer = apis[n % 2].react("k", post.as_str(), user.as_str(), Some("like")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        })
        .await;
    let counts = world.cassandra().await.store.recount(&post).await.unwrap();
    assert_eq!(counts.total(), USERS as u64);
    let (mut sent, mut applied) = (0.0, 0.0);
    for writer in [&a, &b] {
        let api = writer.api();
        sent += api.counter(CONDITIONAL_WRITES, "outcome=").await;
        applied += api.counter(CONDITIONAL_WRITES, "outcome=\"applied\"").await;
    }
    println!("{USERS} likes: {applied} commits, {sent} conditional writes");
    assert!(applied > 0.0 && sent / applied <= 2.0, "{sent} for {applied} commits");
}
