//! Reactions over HTTP: who may send them, what a retry gets, what is refused.

use axum::http::Method;
use kudos_core::Operation;
use kudos_core::ports::{PostStore, ReactionStore};
use kudos_core::row::REMEMBERED;
use kudos_http::auth::{AuthSettings, Scope, Scopes};
use kudos_testkit::scope::{LIKE, NOW};
use kudos_write::WriteSettings;
use serde_json::json;

use crate::world::{Sent, World};

#[tokio::test(start_paused = true)]
async fn a_reaction_is_answered_whole() {
    let world = World::new().await;
    let answer = world.put(&world.reaction("love"), None).await;
    let expected = json!({
        "post": world.post().as_str(),
        "counts": {"like": 0, "love": 1, "haha": 0, "wow": 0, "sad": 0, "angry": 0},
        "total": 1, "mine": "love", "changed": true, "version": 1,
        "source": "truth", "as_of": "2025-06-15T15:06:40.000Z", "degraded": false,
    });
    assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
}

#[tokio::test(start_paused = true)]
async fn a_change_and_an_unlike_move_one_reaction() {
    let world = World::new().await;
    world.put(&world.reaction("like"), None).await;
    let changed = world.put(&world.reaction("sad"), None).await.json();
    assert_eq!((&changed["counts"]["like"], &changed["counts"]["sad"]), (&json!(0), &json!(1)));
    let gone = world.delete(&world.no_reaction(), None).await.json();
    assert_eq!(
        (&gone["total"], &gone["mine"], &gone["changed"]),
        (&json!(0), &json!(null), &json!(true))
    );
    let again = world.delete(&world.no_reaction(), None).await.json();
    assert_eq!((&again["total"], &again["changed"]), (&json!(0), &json!(false)));
}

#[tokio::test(start_paused = true)]
async fn a_retry_under_its_key_gets_the_same_bytes_whatever_happened_since() {
    let world = World::new().await;
    let first = world.put(&world.reaction("like"), Some("k-1")).await;
    world.clock.advance(std::time::Duration::from_secs(60));
    world.service.react(world.op("other", "other", Some(LIKE))).await.unwrap();
    world.delete(&world.no_reaction(), Some("k-2")).await;
    let retried = world.put(&world.reaction("like"), Some("k-1")).await;
    assert_eq!((retried.status, &retried.body), (first.status, &first.body));
    assert_eq!(world.true_state().await.counts.as_slice(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_key_reused_for_another_request_is_refused_and_changes_nothing() {
    let world = World::new().await;
    world.put(&world.reaction("like"), Some("k")).await;
    let expected = (422, "key-reused".to_owned(), "Idempotency-Key".to_owned());
    assert_eq!(world.put(&world.reaction("love"), Some("k")).await.problem(), expected);
    assert_eq!(world.delete(&world.no_reaction(), Some("k")).await.problem(), expected);
    assert_eq!(world.true_state().await.counts.as_slice(), [1]);
}

#[tokio::test(start_paused = true)]
async fn an_encoded_at_sign_is_an_at_sign() {
    let world = World::new().await;
    let encoded = |path: String| path.replace('@', "%40");
    let answer = world.put(&encoded(world.reaction("like")), None).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["mine"]), (200, &json!("like")));
    let answer = world.delete(&encoded(world.no_reaction()), None).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["total"]), (200, &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn a_key_belongs_to_its_user_and_post() {
    let world = World::new().await;
    world.store.upsert(&world.scope.written("q", "Another", 0)).await.unwrap();
    world.put(&world.reaction("like"), Some("k")).await;
    let elsewhere = format!("/v1/posts/{}/reactions/love/@me", world.scope.post("q"));
    assert_eq!(world.put(&elsewhere, Some("k")).await.status, 200);
    world.service.react(world.op("k", "other", None)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_retry_whose_answer_is_forgotten_is_refused_as_stale_and_changes_nothing() {
    let world = World::new().await;
    for i in 0..=REMEMBERED {
        let kind = if i % 2 == 0 { "like" } else { "love" };
        world.put(&world.reaction(kind), Some(&format!("k-{i}"))).await;
    }
    let before = world.true_state().await;
    let answer = world.put(&world.reaction("like"), Some("k-0")).await;
    assert_eq!(answer.problem(), (409, "stale-operation".into(), String::new()));
    assert_eq!(world.true_state().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_is_unknown_or_hidden_takes_no_reaction() {
    let world = World::new().await;
    let unknown = "/v1/posts/nowhere/reactions";
    let expected = (404, "unknown-post".to_owned(), "post".to_owned());
    assert_eq!(world.put(&format!("{unknown}/like/@me"), None).await.problem(), expected);
    assert_eq!(world.delete(&format!("{unknown}/@me"), None).await.problem(), expected);
    world.put(&world.reaction("like"), None).await;
    world.store.hide(&world.post()).await.unwrap();
    assert_eq!(world.put(&world.reaction("love"), None).await.problem(), expected);
    assert_eq!(world.delete(&world.no_reaction(), None).await.problem(), expected);
    assert_eq!(world.true_state().await.counts.as_slice(), [1]);
}

#[tokio::test(start_paused = true)]
async fn the_first_reaction_introduces_a_post_if_none_has_to_be_known() {
    let settings = WriteSettings { require_known: false, ..WriteSettings::default() };
    let world = World::with(settings, AuthSettings::default()).await;
    let new = world.scope.post("new");
    let answer = world.put(&format!("/v1/posts/{new}/reactions/like/@me"), None).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["total"]), (200, &json!(1)));
    let meta = world.store.meta(&new).await.unwrap().unwrap();
    assert_eq!((meta.created_at, meta.hidden), (NOW, false));
    world.store.hide(&world.post()).await.unwrap();
    assert_eq!(world.put(&world.reaction("like"), None).await.problem().0, 404);
}

#[tokio::test(start_paused = true)]
async fn what_is_malformed_is_refused_by_name_before_anything_is_asked() {
    let world = World::new().await;
    world.on_posts.hang();
    let unknown = world.put(&world.reaction("Like"), None).await;
    assert_eq!(unknown.problem(), (400, "unknown-kind".into(), "kind".into()));
    assert_eq!(unknown.json()["allowed"][1], "love");
    let long = format!("/v1/posts/{}/reactions/like/@me", "x".repeat(129));
    assert_eq!(world.put(&long, None).await.problem().1, "invalid-post-id");
    for key in ["", " ", "a b", &"k".repeat(129), "é"] {
        let refused = world.put(&world.reaction("like"), Some(key)).await.problem();
        let expected = (400, "invalid-idempotency-key".into(), "Idempotency-Key".into());
        assert_eq!(refused, expected, "{key:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_and_those_without_the_scope_react_to_nothing() {
    let only_posts =
        AuthSettings { header_scopes: Scopes::of(&[Scope::PostsWrite]), ..AuthSettings::default() };
    let world = World::with(WriteSettings::default(), only_posts).await;
    let anonymous = Sent { anonymous: true, ..Sent::default() };
    let answer = world.send(Method::PUT, &world.reaction("like"), anonymous).await;
    assert_eq!(answer.problem().1, "unauthenticated");
    assert!(answer.headers.contains_key("www-authenticate"));
    for answer in [
        world.put(&world.reaction("like"), None).await,
        world.delete(&world.no_reaction(), None).await,
    ] {
        assert_eq!(answer.problem().1, "forbidden");
        assert_eq!(answer.json()["scope"], "react");
    }
    assert_eq!(world.true_state().await.version.0, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_client_is_told_is_what_the_truth_holds() {
    let world = World::new().await;
    world.put(&world.reaction("wow"), None).await;
    let held = world.store.held(&world.scope.user("u"), &[world.post()]).await.unwrap();
    assert_eq!(held, [Some(kudos_core::Kind(3))]);
    let page = world.store.reactors(&world.post(), None, None, 10).await.unwrap();
    assert_eq!(page.reactors.len(), 1);
    let unkeyed = Operation::unkeyed(world.post(), world.scope.user("u"), None, NOW);
    assert!(world.service.react(unkeyed).await.unwrap().outcome.changed);
}
