use axum::Router;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get as on_get;
use kudos_core::ports::Reactor;
use kudos_core::{Counts, Kind, Kinds, Millis, Outcome, Post, PostId, PostState, UserId, Version};
use kudos_http::answer::{
    BatchAnswer, BatchItem, PostAnswer, Provenance, ReactionAnswer, ReactorItem, ReactorsAnswer,
    SearchAnswer, SearchItem, Source,
};
use serde_json::json;

use crate::client::{get, get_with};

const NOON: Millis = Millis(1_769_860_800_000);

fn post() -> PostId {
    PostId::new("a \"quoted\" post").unwrap()
}

fn state() -> PostState {
    PostState {
        post: post(),
        created_at: NOON,
        version: Version(9),
        counts: Counts::from_iter([3, 0, 1]),
        as_of: NOON,
    }
}

const LIVE: Provenance = Provenance { source: Source::Live, as_of: NOON, degraded: false };

fn body<T: serde::Serialize>(answer: &T) -> serde_json::Value {
    serde_json::to_value(answer).unwrap()
}

#[test]
fn a_write_answers_every_kind_in_order() {
    let (kinds, post) = (Kinds::default(), post());
    let outcome = Outcome {
        mine: Some(Kind(2)),
        changed: true,
        version: Version(9),
        counts: Counts::from_iter([3, 0, 1]),
        at: NOON,
    };
    let answer = ReactionAnswer::written(&kinds, &post, &outcome);
    let text = serde_json::to_string(&answer).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"post":"a \"quoted\" post","#,
            r#""counts":{"like":3,"love":0,"haha":1,"wow":0,"sad":0,"angry":0},"total":4,"#,
            r#""mine":"haha","changed":true,"version":9,"source":"truth","#,
            r#""as_of":"2026-01-31T12:00:00.000Z","degraded":false}"#
        )
    );
}

#[test]
fn a_read_says_who_answered_and_not_whether_it_changed() {
    let (kinds, state) = (Kinds::default(), state());
    let from = Provenance { degraded: true, ..LIVE };
    let answer = body(&ReactionAnswer::read(&kinds, &state, None, from));
    assert_eq!(answer["mine"], json!(null));
    assert_eq!(answer["source"], "live");
    assert_eq!(answer["degraded"], true);
    assert!(answer.get("changed").is_none());
}

#[test]
fn listings_have_the_documented_shape() {
    let (kinds, state) = (Kinds::default(), state());
    let written = Post {
        id: post(),
        title: "T".into(),
        body: "B".into(),
        author: String::new(),
        created_at: NOON,
    };
    let items = vec![BatchItem::new(&kinds, &state, Some(Kind(0)))];
    let batch = body(&BatchAnswer::new(items, LIVE));
    assert_eq!(batch["results"][0]["mine"], "like");
    assert_eq!(batch["results"][0]["total"], 4);
    let reactor = Reactor { user: UserId::new("u").unwrap(), kind: Kind(1), at: NOON };
    let users = body(&ReactorsAnswer {
        users: vec![ReactorItem::new(&kinds, &reactor)],
        next_cursor: None,
    });
    let row = json!({"user": "u", "kind": "love", "at": "2026-01-31T12:00:00.000Z"});
    assert_eq!(users, json!({"users": [row], "next_cursor": null}));
    let found = vec![SearchItem::new(&kinds, &written, &state)];
    let search = body(&SearchAnswer::new(found, LIVE, Some("c".into())));
    assert_eq!(search["posts"][0]["title"], "T");
    assert_eq!(search["next_cursor"], "c");
    assert!(search.get("note").is_none());
    let noted = SearchAnswer::new(vec![], LIVE, None).with_note("titles only");
    assert_eq!(body(&noted)["note"], "titles only");
    assert_eq!(body(&PostAnswer::from(&written))["created_at"], "2026-01-31T12:00:00.000Z");
}

async fn counts(headers: HeaderMap) -> Response {
    let (kinds, state) = (Kinds::default(), state());
    ReactionAnswer::read(&kinds, &state, Some(Kind(0)), LIVE).conditional(&headers)
}

#[tokio::test]
async fn an_unchanged_answer_is_a_304_without_a_body() {
    let router = Router::new().route("/", on_get(counts));
    let first = get(&router, "/").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\"9.") && first.body.len() > 100);
    assert_eq!(first.header("cache-control"), "private, no-cache");
    assert_eq!(first.header("content-type"), "application/json");
    let strong = tag.trim_start_matches("W/").to_owned();
    for held in [tag.clone(), strong, format!("\"x\", {tag}"), "*".into()] {
        let again = get_with(&router, "/", &[("if-none-match", &held)]).await;
        assert_eq!(again.status, 304, "{held}");
        assert_eq!((again.header("etag"), again.body.len()), (tag.as_str(), 0));
    }
    let other = get_with(&router, "/", &[("if-none-match", "W/\"8.6.like.live\"")]).await;
    assert_eq!(other.status, 200);
}

#[test]
fn the_tag_changes_with_all_that_the_answer_says() {
    let (kinds, state) = (Kinds::default(), state());
    let tag = |kinds, state, mine, from| ReactionAnswer::read(kinds, state, mine, from).etag();
    let base = tag(&kinds, &state, None, LIVE);
    let newer = PostState { version: Version(10), ..state.clone() };
    let degraded = Provenance { degraded: true, ..LIVE };
    let truth = Provenance { source: Source::Truth, ..LIVE };
    let later = Provenance { as_of: Millis(NOON.0 + 1), ..LIVE };
    let more = Kinds::new(kinds.names().chain(["meh"])).unwrap();
    for other in [
        tag(&kinds, &newer, None, LIVE),
        tag(&kinds, &state, Some(Kind(0)), LIVE),
        tag(&kinds, &state, None, degraded),
        tag(&kinds, &state, None, truth),
        tag(&more, &state, None, LIVE),
    ] {
        assert_ne!(base, other);
    }
    assert_eq!(base, tag(&kinds, &state, None, later));
}

#[tokio::test]
async fn an_answer_is_a_response() {
    let (kinds, state) = (Kinds::default(), state());
    let response = ReactionAnswer::read(&kinds, &state, None, LIVE).into_response();
    assert_eq!(response.status(), 200);
}
