use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::{get as on_get, post as on_post};
use futures::stream;
use kudos_core::Kinds;
use kudos_http::extract::{IdempotencyKey, Json, KindPath, LastEventId, PostPath, Query};
use kudos_http::stack::{Stack, StackSettings};
use proptest::prelude::*;
use serde::Deserialize;

use crate::client::{get, get_with, post_json, send};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    posts: Vec<u8>,
}

async fn react(PostPath(post): PostPath, KindPath(kind): KindPath) -> String {
    format!("{post} {}", kind.0)
}

async fn key(key: Option<IdempotencyKey>, last: Option<LastEventId>) -> String {
    let key = key.map_or(String::new(), |key| key.as_str().to_owned());
    format!("{key} {}", last.map_or(0, |last| last.0.0.len()))
}

fn router() -> Router {
    let routes = Router::new()
        .route("/posts/{post}/{kind}", on_get(react))
        .route("/page", on_get(async |Query(page): Query<Page>| format!("{:?}", page.limit)))
        .route("/batch", on_post(async |Json(w): Json<Wanted>| w.posts.len().to_string()))
        .route("/key", on_get(key))
        .with_state(Arc::new(Kinds::default()));
    let settings = StackSettings { body_limit_bytes: 1000, ..StackSettings::default() };
    Stack::new(&settings).unwrap().wrap(routes)
}

#[tokio::test]
async fn a_path_gives_its_post_and_kind() {
    let answer = get(&router(), "/posts/caf%C3%A9%20%25/love").await;
    assert_eq!(answer.text(), "café % 1");
}

#[tokio::test]
async fn a_path_that_is_not_utf8_is_refused_by_name() {
    let answer = get(&router(), "/posts/%ff%fe/like").await;
    assert_eq!(answer.slug(), "invalid-parameter");
    assert!(answer.problem().detail.contains("`post`"), "{}", answer.text());
}

#[tokio::test]
async fn a_post_id_that_breaks_the_rules_is_refused() {
    let long = format!("/posts/{}/like", "x".repeat(129));
    for path in ["/posts/a%7Bb/like", "/posts/a%2Fb/like", "/posts/a%00/like", &long] {
        let answer = get(&router(), path).await;
        assert_eq!(answer.slug(), "invalid-post-id", "{path}");
        assert_eq!(answer.problem().field.as_deref(), Some("post"));
        assert_eq!(answer.problem().limit, Some(128));
    }
}

#[tokio::test]
async fn an_unknown_kind_is_told_the_known_ones() {
    let answer = get(&router(), "/posts/p/Like").await;
    assert_eq!(answer.slug(), "unknown-kind");
    let allowed = answer.problem().allowed.unwrap();
    assert_eq!(allowed, ["like", "love", "haha", "wow", "sad", "angry"]);
}

#[tokio::test]
async fn a_query_is_refused_by_the_name_of_its_parameter() {
    let router = router();
    assert_eq!(get(&router, "/page?limit=7").await.text(), "Some(7)");
    for (query, field) in [
        ("limit=x", "limit"),
        ("limit=256", "limit"),
        ("limit=1&limit=2", "limit"),
        ("limit=%ff", "query"),
    ] {
        let answer = get(&router, &format!("/page?{query}")).await;
        assert_eq!(answer.slug(), "invalid-parameter", "{query}");
        let problem = answer.problem();
        let named = problem.field.as_deref() == Some(field) || problem.detail.contains(field);
        assert!(named, "{query}: {problem:?}");
    }
    let unknown = get(&router, "/page?limt=1").await.problem();
    assert!(format!("{unknown:?}").contains("limt"));
}

#[tokio::test]
async fn a_body_is_refused_by_the_path_of_its_field() {
    let router = router();
    assert_eq!(post_json(&router, "/batch", r#"{"posts":[1,2]}"#).await.text(), "2");
    for (body, field) in [
        (r#"{"posts":[1,"x"]}"#, "posts[1]"),
        (r#"{"post":[]}"#, "post"),
        (r#"{}"#, "."),
        ("", "."),
        (r#"{"posts":[]} x"#, "."),
        ("\u{feff}{}", "."),
    ] {
        let answer = post_json(&router, "/batch", body).await;
        assert_eq!(answer.slug(), "invalid-body", "{body}");
        assert_eq!(answer.problem().field.as_deref(), Some(field), "{body}");
    }
    let bytes = b"{\"posts\":[\"\xff\"]}".to_vec();
    assert_eq!(post_json(&router, "/batch", bytes).await.slug(), "invalid-body");
}

#[tokio::test]
async fn deep_json_is_refused() {
    let deep = "[".repeat(900);
    let answer = post_json(&router(), "/batch", deep).await;
    assert_eq!(answer.slug(), "invalid-body");
    let any: Result<Json<serde_json::Value>, _> = Json::parse("[".repeat(100_000).as_bytes());
    assert!(any.is_err());
}

#[tokio::test]
async fn what_an_answer_quotes_is_bounded() {
    let body = format!(r#"{{"{}":1}}"#, "é".repeat(400));
    let problem = post_json(&router(), "/batch", body).await.problem();
    assert!(problem.detail.len() < 400 && problem.field.unwrap().len() < 400);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_declared_or_streamed() {
    let router = router();
    let declared = post_json(&router, "/batch", " ".repeat(1001)).await;
    assert_eq!(declared.slug(), "body-too-large");
    assert_eq!(declared.problem().limit, Some(1000));

    let chunks = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 100]));
    let streamed = post_json(&router, "/batch", Body::from_stream(stream::iter(chunks))).await;
    assert_eq!(streamed.slug(), "body-too-large");

    let within = format!(r#"{{"posts":[]}}{}"#, " ".repeat(988));
    assert_eq!(within.len(), 1001 - 1);
    assert_eq!(post_json(&router, "/batch", within).await.text(), "0");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let chunks = [Ok(vec![b'{']), Err(std::io::Error::other("gone"))];
    let body = Body::from_stream(stream::iter(chunks));
    assert_eq!(post_json(&router(), "/batch", body).await.slug(), "invalid-body");
}

#[tokio::test]
async fn only_json_is_taken() {
    let router = router();
    for (kind, taken) in [
        ("application/json; charset=utf-8", true),
        ("Application/JSON", true),
        ("application/vnd.kudos+json", true),
        ("text/plain", false),
        ("application/jsonp", false),
        ("json", false),
    ] {
        let request = Request::post("/batch").header("content-type", kind);
        let request = request.body(Body::from(r#"{"posts":[]}"#)).unwrap();
        let answer = send(&router, request).await;
        assert_eq!(answer.status == 200, taken, "{kind}");
        if !taken {
            assert_eq!(answer.slug(), "unsupported-media-type");
        }
    }
    let request = Request::post("/batch").body(Body::from("{}")).unwrap();
    assert_eq!(send(&router, request).await.slug(), "unsupported-media-type");
}

#[tokio::test]
async fn an_idempotency_key_is_visible_ascii_given_once() {
    let router = router();
    assert_eq!(get(&router, "/key").await.text(), " 0");
    let longest = "k".repeat(128);
    for good in ["a", "~!", longest.as_str()] {
        let answer = get_with(&router, "/key", &[("idempotency-key", good)]).await;
        assert_eq!(answer.text(), format!("{good} 0"));
    }
    let long = "k".repeat(129);
    for bad in ["", "a b", "é", long.as_str()] {
        let answer = get_with(&router, "/key", &[("idempotency-key", bad)]).await;
        assert_eq!(answer.slug(), "invalid-idempotency-key", "{bad:?}");
        assert_eq!(answer.problem().limit, Some(128));
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "a")];
    let answer = get_with(&router, "/key", &twice).await;
    assert_eq!(answer.slug(), "invalid-idempotency-key");
}

#[tokio::test]
async fn a_last_event_id_is_a_position() {
    let router = router();
    let answer = get_with(&router, "/key", &[("last-event-id", "7.0.9")]).await;
    assert_eq!(answer.text(), " 3");
    assert_eq!(get_with(&router, "/key", &[("last-event-id", "")]).await.text(), " 0");
    let refused = get_with(&router, "/key", &[("last-event-id", "x")]).await;
    assert_eq!(refused.slug(), "invalid-parameter");
    assert_eq!(refused.problem().field.as_deref(), Some("Last-Event-ID"));
}

proptest! {
    #[test]
    fn no_bytes_panic_a_parser(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Json::<Wanted>::parse(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = Query::<Page>::parse(&text);
        let _ = IdempotencyKey::new(&text);
    }
}
