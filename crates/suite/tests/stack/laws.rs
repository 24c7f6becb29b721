//! The laws, through two writers.

use futures::future::join_all;
use futures::{StreamExt, stream};
use kudos_testkit::Scope;

use crate::support::{Service, World};

struct Writers {
    services: [Service; 2],
    scope: Scope,
    world: World,
}

impl Writers {
    async fn start() -> Self {
        let world = World::open("laws").await;
        let (a, b) = futures::join!(world.start("reaction-write"), world.start("reaction-write"));
        let (services, scope) = ([a, b], Scope::new());
        services[0].api().patient().put_post(&scope.written("p", "a post", 0)).await;
        Self { services, scope, world }
    }

    /// Reacts on the post through one of the writers.
    async fn react(&self, writer: usize, key: &str, user: &str, want: Option<&str>) -> String {
        let (post, user) = (self.scope.post("p"), self.scope.user(user));
        let api = self.services[writer].api().patient();
        let answer = api.react(key, post.as_str(), user.as_str(), want).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// Likes, loves and what the user holds, as a reader sees them, and as the truth has them.
    async fn counts(&self, user: &str) -> (u64, u64, Option<String>) {
        let search = self.world.start("search").await;
        let (post, user) = (self.scope.post("p"), self.scope.user(user));
        let seen = search.api().counts(post.as_str(), user.as_str()).await;
        let truth = self.world.cassandra().await;
        let recount = kudos_core::ports::Snapshots::recount(&*truth.store, &post).await.unwrap();
        assert_eq!(seen["total"], recount.total(), "{seen}");
        let count = |kind: &str| seen["counts"][kind].as_u64().unwrap();
        (count("like"), count("love"), seen["mine"].as_str().map(str::to_owned))
    }
}

#[tokio::test]
async fn a_like_sent_to_both_writers_is_one_like_and_both_give_the_same_answer() {
    let writers = Writers::start().await;
    let sent = join_all((0..20).map(|n| writers.react(n % 2, "once", "ann", Some("like")))).await;
    assert!(sent.iter().all(|answer| *answer == sent[0]), "{sent:?}");
    assert_eq!(writers.counts("ann").await, (1, 0, Some("like".into())));
}

#[tokio::test]
async fn like_to_love_moves_one() {
    let writers = Writers::start().await;
    writers.react(0, "a", "ann", Some("like")).await;
    writers.react(1, "b", "ann", Some("love")).await;
    assert_eq!(writers.counts("ann").await, (0, 1, Some("love".into())));
}

#[tokio::test]
async fn a_retried_like_does_not_undo_a_later_unlike() {
    let writers = Writers::start().await;
    let first = writers.react(0, "like", "ann", Some("like")).await;
    writers.react(1, "unlike", "ann", None).await;
    assert_eq!(writers.react(1, "like", "ann", Some("like")).await, first);
    assert_eq!(writers.counts("ann").await, (0, 0, None));
}

#[tokio::test]
async fn four_hundred_users_on_one_post_are_four_hundred() {
    let writers = Writers::start().await;
    stream::iter(0..400)
        .for_each_concurrent(32, async |n| {
            writers.react(n % 2, "k", &format!("u{n}"), Some("like")).await;
        })
        .await;
    assert_eq!(writers.counts("u399").await, (400, 0, Some("like".into())));
}
