//! The laws, one by one, each under 32 clients at a time where it can be.

use futures::StreamExt;
use futures::future::join_all;
use futures::stream;
use serde_json::Value;

use crate::support::{Answer, Api, Op, Server, kudos, numbered_posts};

const CLIENTS: usize = 32;

async fn server_with_posts(data: &tempfile::TempDir, count: u64) -> (Server, Api) {
    let server = kudos(data.path()).await;
    let api = server.api();
    for post in numbered_posts(count) {
        assert_eq!(api.put_post(&post).await.status, 201);
    }
    (server, api)
}

fn like(key: &str, user: &str) -> Op {
    Op::new(key, "p000", user, Some("like"))
}

/// Counts of `p000` as `user` sees them: likes, loves, total, mine.
async fn seen_by(api: &Api, user: &str) -> (u64, u64, u64, Option<String>) {
    let answer = api.counts("p000", user).await;
    let count = |kind: &str| answer["counts"][kind].as_u64().unwrap();
    let mine = answer["mine"].as_str().map(str::to_owned);
    (count("like"), count("love"), answer["total"].as_u64().unwrap(), mine)
}

#[tokio::test]
async fn a_like_sent_twice_is_one_like() {
    let data = tempfile::tempdir().unwrap();
    let (_server, api) = server_with_posts(&data, 1).await;
    join_all((0..CLIENTS).map(async |client| {
        let user = format!("u{client}");
        api.react(&like("first", &user)).await;
        let again = api.react(&like("second", &user)).await;
        assert_eq!(again["changed"], false);
    }))
    .await;
    let all = CLIENTS as u64;
    assert_eq!(seen_by(&api, "u0").await, (all, 0, all, Some("like".into())));
}

#[tokio::test]
async fn one_user_who_likes_from_many_devices_at_once_is_one_like() {
    let data = tempfile::tempdir().unwrap();
    let (_server, api) = server_with_posts(&data, 1).await;
    let devices =
        (0..CLIENTS).map(async |device| api.react(&like(&format!("d{device}"), "ann")).await);
    let answers = join_all(devices).await;
    let changed = answers.iter().filter(|answer| answer["changed"] == true).count();
    assert_eq!(changed, 1);
    assert!(answers.iter().all(|answer| answer["total"] == 1));
    assert_eq!(seen_by(&api, "ann").await, (1, 0, 1, Some("like".into())));
}

#[tokio::test]
async fn like_to_love_moves_one() {
    let data = tempfile::tempdir().unwrap();
    let (_server, api) = server_with_posts(&data, 1).await;
    join_all((0..CLIENTS).map(async |client| {
        let user = format!("u{client}");
        api.react(&like("like", &user)).await;
        let love = Op::new("love", "p000", &user, Some("love"));
        let answer = api.react(&love).await;
        assert_eq!((&answer["mine"], &answer["changed"]), (&"love".into(), &true.into()));
    }))
    .await;
    let all = CLIENTS as u64;
    assert_eq!(seen_by(&api, "u7").await, (0, all, all, Some("love".into())));
    assert_eq!(seen_by(&api, "somebody-else").await, (0, all, all, None));
}

#[tokio::test]
async fn a_retried_like_does_not_undo_a_later_unlike_and_gets_its_first_answer() {
    let data = tempfile::tempdir().unwrap();
    let (_server, api) = server_with_posts(&data, 1).await;
    join_all((0..CLIENTS).map(async |client| {
        let user = format!("u{client}");
        let first: Answer = api.send(&like("like", &user)).await.unwrap();
        api.react(&Op::new("unlike", "p000", &user, None)).await;
        for _ in 0..3 {
            let retry = api.send(&like("like", &user)).await.unwrap();
            assert_eq!((retry.status, &retry.body), (first.status, &first.body));
        }
    }))
    .await;
    assert_eq!(seen_by(&api, "u0").await, (0, 0, 0, None));
}

#[tokio::test]
async fn four_hundred_users_on_one_post_are_four_hundred() {
    let data = tempfile::tempdir().unwrap();
    let (_server, api) = server_with_posts(&data, 1).await;
    let users: Vec<Op> = (0..400).map(|i| like("k", &format!("u{i}"))).collect();
    let totals: Vec<u64> = stream::iter(&users)
        .map(async |op| api.react(op).await["total"].as_u64().unwrap())
        .buffer_unordered(CLIENTS)
        .collect()
        .await;
    assert_eq!(seen_by(&api, "u399").await, (400, 0, 400, Some("like".into())));
    // Each saw a count of its own: no two commits counted from the same number.
    let distinct: std::collections::BTreeSet<u64> = totals.into_iter().collect();
    assert_eq!(distinct, (1..=400).collect());
}

#[tokio::test]
async fn one_key_is_one_request() {
    let data = tempfile::tempdir().unwrap();
    let (_server, api) = server_with_posts(&data, 2).await;
    api.react(&like("key", "ann")).await;
    let other_kind = Op::new("key", "p000", "ann", Some("love"));
    assert_eq!(api.send(&other_kind).await.unwrap().problem(), "key-reused");
    // A key belongs to its user and its post: elsewhere it is free.
    api.react(&like("key", "ben")).await;
    api.react(&Op::new("key", "p001", "ann", Some("love"))).await;
    assert_eq!(seen_by(&api, "ann").await, (2, 0, 2, Some("like".into())));
}

#[tokio::test]
async fn every_answer_says_where_it_comes_from_and_how_old_it_is() {
    let data = tempfile::tempdir().unwrap();
    let (_server, api) = server_with_posts(&data, 1).await;
    let from = |answer: &Value| {
        assert!(answer["as_of"].as_str().unwrap().ends_with('Z'), "{answer}");
        (answer["source"].as_str().unwrap().to_owned(), answer["degraded"].as_bool().unwrap())
    };
    assert_eq!(from(&api.react(&like("k", "ann")).await), ("truth".into(), false));
    assert_eq!(from(&api.counts("p000", "ann").await), ("live".into(), false));
    let search = api.get("/v1/search?sort=popular").await.ok();
    assert_eq!(from(&search), ("live".into(), false));
}

#[tokio::test]
async fn a_hidden_post_takes_no_reactions_and_comes_back_with_those_it_had() {
    let data = tempfile::tempdir().unwrap();
    let (_server, api) = server_with_posts(&data, 1).await;
    api.react(&like("k", "ann")).await;
    let hide = api.request(reqwest::Method::DELETE, "/v1/posts/p000").header("x-user-id", "ann");
    assert_eq!(hide.send().await.unwrap().status(), 204);
    assert_eq!(api.send(&like("k", "ben")).await.unwrap().problem(), "unknown-post");
    assert_eq!(api.get("/v1/posts/p000/reactions").await.problem(), "unknown-post");
    assert_eq!(api.walk("sort=popular").await, []);
    api.put_post(&numbered_posts(1)[0]).await;
    assert_eq!(seen_by(&api, "ann").await, (1, 0, 1, Some("like".into())));
}
