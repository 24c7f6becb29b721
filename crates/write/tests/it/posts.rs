//! Posts over HTTP.

use std::time::Duration;

use axum::http::Method;
use kudos_core::ports::PostStore;
use kudos_http::auth::{AuthSettings, Scope, Scopes};
use kudos_testkit::Call;
use kudos_write::WriteSettings;
use serde_json::json;

use crate::world::{Sent, World};

#[tokio::test(start_paused = true)]
async fn a_post_is_created_once_and_then_replaced() {
    let world = World::new().await;
    let post = world.scope.post("new");
    let json = r#"{"title":"T","body":"B","author":"ann","created_at":"2025-01-01T00:00:00Z"}"#;
    let created = world.store(&post, json).await;
    let expected = json!({
        "post": post.as_str(), "title": "T", "body": "B", "author": "ann",
        "created_at": "2025-01-01T00:00:00.000Z",
    });
    assert_eq!((created.status.as_u16(), created.json()), (201, expected.clone()));
    let again = world.store(&post, json).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, expected));
    assert_eq!(world.store(&post, r#"{"title":"U"}"#).await.json()["title"], "U");
}

#[tokio::test(start_paused = true)]
async fn a_post_without_a_time_is_of_now_and_stays_of_then() {
    let world = World::new().await;
    let post = world.scope.post("new");
    let created = world.store(&post, r#"{"title":"T"}"#).await.json();
    assert_eq!(created["created_at"], "2025-06-15T15:06:40.000Z");
    world.clock.advance(Duration::from_secs(3600));
    let edited = world.store(&post, r#"{"title":"U"}"#).await.json();
    assert_eq!(edited["created_at"], created["created_at"]);
    let moved = r#"{"title":"U","created_at":"2025-01-01T00:00:00Z"}"#;
    assert_eq!(world.store(&post, moved).await.json()["created_at"], "2025-01-01T00:00:00.000Z");
}

#[tokio::test(start_paused = true)]
async fn a_hidden_post_comes_back_to_its_place_in_time_with_its_reactions() {
    let world = World::new().await;
    world.put(&world.reaction("like"), None).await;
    let path = format!("/v1/posts/{}", world.post());
    assert_eq!(world.delete(&path, None).await.status, 204);
    let gone = world.delete(&path, None).await;
    assert_eq!(gone.problem(), (404, "unknown-post".into(), "post".into()));
    world.clock.advance(Duration::from_secs(3600));
    let back = world.store(&world.post(), r#"{"title":"A post"}"#).await;
    assert_eq!(back.json()["created_at"], "2025-06-15T15:06:40.000Z");
    let again = world.put(&world.reaction("like"), None).await.json();
    assert_eq!((&again["total"], &again["changed"]), (&json!(1), &json!(false)));
}

#[tokio::test(start_paused = true)]
async fn the_author_is_the_caller_unless_another_is_named() {
    let world = World::new().await;
    let post = world.scope.post("new");
    let by_caller = world.store(&post, r#"{"title":"T"}"#).await.json();
    assert_eq!(by_caller["author"], world.scope.user("u").as_str());
    let by_bob = world.store(&post, r#"{"title":"T","author":"bob"}"#).await.json();
    assert_eq!(by_bob["author"], "bob");
}

#[tokio::test(start_paused = true)]
async fn texts_are_limited_to_the_byte_and_the_field_is_named() {
    let world = World::new().await;
    let post = world.scope.post("new");
    let limits = [("title", 512), ("body", 65_536), ("author", 128)];
    for (field, most) in limits {
        let body = |bytes: usize| {
            let mut body = json!({"title": "T"});
            body[field] = "x".repeat(bytes).into();
            body.to_string()
        };
        assert!(world.store(&post, body(most)).await.status.is_success(), "{field}");
        let refused = world.store(&post, body(most + 1)).await.problem();
        assert_eq!(refused, (400, "invalid-body".into(), field.into()));
    }
    for title in ["", " \n "] {
        let refused = world.store(&post, json!({"title": title}).to_string()).await.problem();
        assert_eq!(refused, (400, "invalid-body".into(), "title".into()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_no_post_is_refused_by_field_and_stores_nothing() {
    let world = World::new().await;
    let post = world.scope.post("new");
    let cases = [
        ("{}", "."),
        (r#"{"title":1}"#, "title"),
        (r#"{"title":"T","likes":9}"#, "likes"),
        (r#"{"title":"T","created_at":"yesterday"}"#, "created_at"),
        (r#"{"title":"T"}x"#, "."),
    ];
    for (body, field) in cases {
        let refused = world.store(&post, body).await.problem();
        assert_eq!(refused, (400, "invalid-body".into(), field.into()), "{body}");
    }
    let huge = world.store(&post, format!(r#"{{"title":"{}"}}"#, "x".repeat(300_000))).await;
    assert_eq!(huge.problem().1, "body-too-large");
    let untyped = world.put(&format!("/v1/posts/{post}"), None).await;
    assert_eq!(untyped.problem().1, "unsupported-media-type");
    assert_eq!(world.on_posts.calls(Call::Upsert), 0);
    assert_eq!(world.store.meta(&post).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn posts_are_written_by_those_with_the_scope_only() {
    let only_react =
        AuthSettings { header_scopes: Scopes::of(&[Scope::React]), ..AuthSettings::default() };
    let world = World::with(WriteSettings::default(), only_react).await;
    let path = format!("/v1/posts/{}", world.post());
    let refused = [
        world.store(&world.post(), r#"{"title":"Mine now"}"#).await,
        world.delete(&path, None).await,
    ];
    for answer in refused {
        assert_eq!(answer.problem().1, "forbidden");
        assert_eq!(answer.json()["scope"], "posts:write");
    }
    let body = Some(r#"{"title":"T"}"#.to_owned());
    let anonymous = Sent { anonymous: true, body, ..Sent::default() };
    let answer = world.send(Method::PUT, &path, anonymous).await;
    assert_eq!(answer.problem().1, "unauthenticated");
    let stored = world.store.get(&[world.post()]).await.unwrap().remove(0).unwrap();
    assert_eq!(stored.title, "A post");
}
