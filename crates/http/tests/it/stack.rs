//! What surrounds every request.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Html;
use axum::routing::{get as on_get, put as on_put};
use kudos_http::stack::{PAGE_CSP, Stack, StackSettings, compressed};

use crate::client::{get, get_with, send};

async fn broken() -> String {
    panic!("s3cret")
}

fn wrapped(settings: &StackSettings) -> Router {
    let large = compressed(Router::new().route("/large", on_get(async || "x".repeat(10_000))));
    let routes = Router::new()
        .route("/ok", on_get(async || "fine").merge(on_put(async || "put")))
        .route("/page", on_get(async || Html("<p>")))
        .route("/broken", on_get(broken))
        .route("/slow", on_get(std::future::pending::<String>));
    Stack::new(settings).unwrap().wrap(routes.merge(large))
}

fn router() -> Router {
    wrapped(&StackSettings::default())
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_a_problem() {
    assert_eq!(get(&router(), "/nothing").await.slug(), "not-found");
    assert_eq!(get(&router(), "/%ff").await.slug(), "not-found");
}

#[tokio::test]
async fn a_method_that_does_not_exist_is_a_problem_with_allow() {
    for method in ["POST", "DELETE", "BREW"] {
        let request = Request::builder().method(method).uri("/ok");
        let answer = send(&router(), request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.slug(), "method-not-allowed");
        assert_eq!(answer.header("allow"), "GET,HEAD,PUT");
    }
}

#[tokio::test]
async fn a_panic_is_a_problem_that_shows_nothing() {
    let answer = get(&router(), "/broken").await;
    assert_eq!(answer.slug(), "internal");
    assert!(!answer.text().contains("s3cret"));
}

#[tokio::test(start_paused = true)]
async fn a_request_has_a_time_limit() {
    let begun = tokio::time::Instant::now();
    let answer = get(&router(), "/slow").await;
    assert_eq!((answer.slug().as_str(), answer.header("retry-after")), ("timeout", "1"));
    assert!(begun.elapsed() < Duration::from_secs(11));
}

#[tokio::test]
async fn browsers_are_told_to_do_no_more_than_needed() {
    let plain = get(&router(), "/ok").await;
    assert_eq!(plain.header("x-content-type-options"), "nosniff");
    assert_eq!(plain.header("content-security-policy"), "");
    let page = get(&router(), "/page").await;
    assert_eq!(page.header("content-security-policy"), PAGE_CSP);
    assert_eq!(get(&router(), "/nothing").await.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn only_large_answers_are_packed_and_only_for_who_takes_them() {
    let packed = get_with(&router(), "/large", &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < 1000);
    assert_eq!(get(&router(), "/large").await.body.len(), 10_000);
    let small = get_with(&router(), "/ok", &[("accept-encoding", "gzip")]).await;
    assert_eq!(small.header("content-encoding"), "");
}

async fn preflight(router: &Router, origin: &str) -> String {
    let request = Request::options("/ok")
        .header("origin", origin)
        .header("access-control-request-method", "PUT");
    let answer = send(router, request.body(Body::empty()).unwrap()).await;
    answer.header("access-control-allow-origin").to_owned()
}

#[tokio::test]
async fn other_origins_may_call_only_where_configured() {
    let app = "https://app.example";
    assert_eq!(preflight(&router(), app).await, "");
    let with = |origin: &str| StackSettings {
        cors_origins: vec![origin.into()],
        ..StackSettings::default()
    };
    assert_eq!(preflight(&wrapped(&with(app)), app).await, app);
    assert_eq!(preflight(&wrapped(&with(app)), "https://evil.example").await, "");
    assert_eq!(preflight(&wrapped(&with("*")), app).await, "*");
    for wrong in ["app.example", "https://", "https://a/b", "https://*.example", "null"] {
        assert!(Stack::new(&with(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn settings_refuse_unknown_keys_and_bare_numbers() {
    let read = |json: &str| serde_json::from_str::<StackSettings>(json);
    let some = read(r#"{"request_timeout":"250ms"}"#).unwrap();
    assert_eq!(some.request_timeout, Duration::from_millis(250));
    for wrong in [r#"{"x":1}"#, r#"{"request_timeout":1}"#, r#"{"request_timeout":"0s"}"#] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
