//! Who gets through the gate, and how often.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::routing::get as on_get;
use governor::clock::FakeRelativeClock;
use kudos_core::UserId;
use kudos_http::Problem;
use kudos_http::auth::{AuthSettings, Authenticator, Caller, RequireUser, Scope, Scopes};
use kudos_http::gate::Gate;
use kudos_http::limit::{Limit, LimitSettings};
use kudos_http::problem::RatePolicy;

use crate::client::{Answer, get, get_with, send};

async fn react(caller: Caller) -> Result<String, Problem> {
    Ok(caller.require(Scope::React)?.to_string())
}

fn routes() -> Router {
    let any = async |caller: Caller| caller.user.map_or("nobody".into(), |u| u.to_string());
    Router::new()
        .route("/any", on_get(any))
        .route("/user", on_get(async |RequireUser(user): RequireUser| user.to_string()))
        .route("/react", on_get(react).put(react))
}

fn authenticator(settings: &AuthSettings) -> Authenticator {
    Authenticator::new(settings, "127.0.0.1:8080".parse().unwrap()).unwrap()
}

fn gated(settings: &AuthSettings) -> Router {
    Gate::new(authenticator(settings), &LimitSettings::default()).reads(routes())
}

/// A gate whose users may write 3 at once and 2 a second, and addresses ask 5 and 1.
fn limited(settings: &AuthSettings, clock: &FakeRelativeClock) -> Router {
    let users = Limit::with_clock(RatePolicy::WritesPerUser, 2, 3, clock.clone()).unwrap();
    let addresses = Limit::with_clock(RatePolicy::RequestsPerAddress, 1, 5, clock.clone());
    let addresses = Arc::new(addresses.unwrap());
    Gate::with_limits(authenticator(settings), Some(addresses), Some(Arc::new(users)))
        .writes(routes())
}

async fn put(router: &Router, user: &str) -> Answer {
    let request = Request::put("/react").header("x-user-id", user);
    send(router, request.body(Body::empty()).unwrap()).await
}

async fn from(router: &Router, peer: &str, forwarded: &str) -> Answer {
    let mut request = Request::get("/any");
    if !forwarded.is_empty() {
        request = request.header("x-forwarded-for", forwarded);
    }
    let mut request = request.body(Body::empty()).unwrap();
    let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    send(router, request).await
}

#[tokio::test]
async fn the_header_names_the_user() {
    let router = gated(&AuthSettings::default());
    let ann = [("x-user-id", "ann é")];
    assert_eq!(get_with(&router, "/any", &ann).await.text(), "ann é");
    assert_eq!(get_with(&router, "/react", &ann).await.text(), "ann é");
    assert_eq!(get(&router, "/any").await.text(), "nobody");
    for path in ["/user", "/react"] {
        let answer = get(&router, path).await;
        assert_eq!(answer.slug(), "unauthenticated");
        assert!(!answer.header("www-authenticate").is_empty());
    }
}

#[tokio::test]
async fn a_user_header_that_is_no_user_is_refused_everywhere() {
    let router = gated(&AuthSettings::default());
    let long = "x".repeat(129);
    for headers in [
        vec![("x-user-id", "")],
        vec![("x-user-id", "a/b")],
        vec![("x-user-id", long.as_str())],
        vec![("x-user-id", "ann"), ("x-user-id", "bob")],
    ] {
        let answer = get_with(&router, "/any", &headers).await;
        assert_eq!(answer.slug(), "invalid-user-id", "{headers:?}");
        assert_eq!(answer.problem().field.as_deref(), Some("X-User-Id"));
    }
    let request = Request::get("/any").header("x-user-id", &b"\xff"[..]);
    let answer = send(&router, request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.slug(), "invalid-user-id");
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let settings =
        AuthSettings { header_scopes: Scopes::of(&[Scope::PostsWrite]), ..AuthSettings::default() };
    let answer = get_with(&gated(&settings), "/react", &[("x-user-id", "ann")]).await;
    assert_eq!(answer.slug(), "forbidden");
    assert_eq!(answer.problem().scope.as_deref(), Some("react"));
}

#[tokio::test]
async fn reads_need_a_caller_where_the_settings_say_so() {
    let settings = AuthSettings { anonymous_reads: false, ..AuthSettings::default() };
    let router = gated(&settings);
    assert_eq!(get(&router, "/any").await.slug(), "unauthenticated");
    assert_eq!(get_with(&router, "/any", &[("x-user-id", "ann")]).await.status, 200);
}

#[tokio::test]
async fn a_caller_without_a_gate_is_a_defect_and_not_a_way_in() {
    let answer = get_with(&routes(), "/any", &[("x-user-id", "ann")]).await;
    assert_eq!(answer.slug(), "internal");
}

#[tokio::test]
async fn each_user_writes_up_to_the_limit_and_again_when_time_has_passed() {
    let clock = FakeRelativeClock::default();
    let router = limited(&AuthSettings::default(), &clock);
    for left in ["2", "1", "0"] {
        let answer = put(&router, "ann").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"user-writes\";q=3;w=2");
        let limit = answer.header("ratelimit");
        assert!(limit.starts_with(&format!("\"user-writes\";r={left};t=")), "{limit}");
    }
    let refused = put(&router, "ann").await;
    assert_eq!(refused.slug(), "rate-limited");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit"), "\"user-writes\";r=0;t=2");
    assert_eq!(put(&router, "bob").await.status, 200, "others have their own share");

    clock.advance(Duration::from_millis(499));
    assert_eq!(put(&router, "ann").await.status, 429);
    clock.advance(Duration::from_millis(1));
    assert_eq!(put(&router, "ann").await.status, 200);
    assert_eq!(put(&router, "ann").await.status, 429);
}

#[tokio::test]
async fn reads_of_a_user_are_not_counted_as_writes() {
    let router = limited(&AuthSettings::default(), &FakeRelativeClock::default());
    for _ in 0..10 {
        let answer = get_with(&router, "/react", &[("x-user-id", "ann")]).await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (200, ""));
    }
}

#[tokio::test]
async fn an_address_asks_up_to_the_limit() {
    let clock = FakeRelativeClock::default();
    let router = limited(&AuthSettings::default(), &clock);
    for _ in 0..5 {
        assert_eq!(from(&router, "192.0.2.1", "").await.status, 200);
    }
    // Without a gateway, a forwarded address is the client's own claim.
    let refused = from(&router, "192.0.2.1", "198.51.100.7").await;
    assert_eq!(refused.slug(), "rate-limited");
    assert!(refused.header("ratelimit").starts_with("\"address-requests\";r=0"));
    assert_eq!(from(&router, "192.0.2.2", "").await.status, 200);
    clock.advance(Duration::from_secs(1));
    assert_eq!(from(&router, "192.0.2.1", "").await.status, 200);
}

#[tokio::test]
async fn an_ipv6_network_is_one_client() {
    let router = limited(&AuthSettings::default(), &FakeRelativeClock::default());
    for i in 0..5 {
        assert_eq!(from(&router, &format!("[2001:db8::{i}]"), "").await.status, 200);
    }
    assert_eq!(from(&router, "[2001:db8::ffff]", "").await.status, 429);
    assert_eq!(from(&router, "[2001:db8:0:1::1]", "").await.status, 200);
}

#[tokio::test]
async fn this_machine_is_not_limited() {
    let router = limited(&AuthSettings::default(), &FakeRelativeClock::default());
    for peer in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"] {
        for _ in 0..10 {
            assert_eq!(from(&router, peer, "192.0.2.1").await.status, 200);
        }
    }
}

#[tokio::test]
async fn behind_a_gateway_the_address_is_the_one_that_it_appended() {
    let settings = AuthSettings { behind_gateway: true, ..AuthSettings::default() };
    let router = limited(&settings, &FakeRelativeClock::default());
    for i in 0..5 {
        let spoofed = format!("203.0.113.{i}, 192.0.2.1");
        assert_eq!(from(&router, "127.0.0.1", &spoofed).await.status, 200);
    }
    let refused = from(&router, "127.0.0.1", "203.0.113.9,192.0.2.1").await;
    assert_eq!(refused.status, 429);
    assert_eq!(from(&router, "127.0.0.1", "192.0.2.1, 192.0.2.2").await.status, 200);
    assert_eq!(from(&router, "127.0.0.1", "no address").await.status, 200);
}

#[test]
fn a_rate_of_zero_is_no_limit() {
    assert!(Limit::new(RatePolicy::WritesPerUser, 0, 5).is_none());
    let one = Limit::new(RatePolicy::WritesPerUser, 1, 0).unwrap();
    let user = UserId::new("ann").unwrap();
    assert!(one.admit(&user).is_ok() && one.admit(&user).is_err());
}
