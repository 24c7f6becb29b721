//! Key sets that are published, replaced and out of reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use futures::FutureExt;
use futures::future::BoxFuture;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kudos_core::SystemClock;
use kudos_http::Problem;
use kudos_http::auth::{
    AuthFailure, AuthSettingsError, Authenticator, Caller, FetchError, FetchKeys, JwtAlgorithm,
    JwtSettings,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::token::{NOW, TestClock, bearer, claims, ec_key, jwt, published, rsa_key, sign};

/// An issuer whose key set can be replaced and taken away.
#[derive(Default)]
struct Issuer {
    keys: Mutex<Option<Value>>,
    fetches: AtomicUsize,
    fetched: Notify,
}

impl Issuer {
    fn publish(&self, keys: &[Value]) {
        *self.keys.lock() = Some(json!({ "keys": keys }));
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

struct ToIssuer(Arc<Issuer>);

impl FetchKeys for ToIssuer {
    fn fetch(&self) -> BoxFuture<'_, Result<Bytes, FetchError>> {
        Box::pin(async {
            self.0.fetches.fetch_add(1, Ordering::SeqCst);
            let keys = self.0.keys.lock().clone();
            self.0.fetched.notify_one();
            match keys {
                Some(keys) => Ok(keys.to_string().into()),
                None => Err(std::io::Error::other("out of reach").into()),
            }
        })
    }
}

fn settings(algorithm: JwtAlgorithm) -> JwtSettings {
    JwtSettings {
        algorithm,
        audience: Some("kudos".into()),
        jwks_url: Some("https://id.example/keys".into()),
        ..JwtSettings::default()
    }
}

fn setup(algorithm: JwtAlgorithm) -> (Arc<Issuer>, Authenticator) {
    let issuer = Arc::new(Issuer::default());
    let source: Arc<dyn FetchKeys> = Arc::new(ToIssuer(issuer.clone()));
    let listen = "0.0.0.0:80".parse().unwrap();
    let (settings, clock) = (jwt(settings(algorithm)), TestClock::at(NOW));
    let built = Authenticator::with_parts(&settings, listen, Some(source), clock);
    (issuer, built.unwrap())
}

fn token(key: &EncodingKey, algorithm: Algorithm, id: Option<&str>, user: &str) -> String {
    let mut header = Header::new(algorithm);
    header.kid = id.map(String::from);
    let mut claims = claims();
    claims["sub"] = user.into();
    sign(key, &header, &claims)
}

async fn by_rsa(auth: &Authenticator, id: Option<&str>, user: &str) -> Result<Caller, Problem> {
    let token = token(&rsa_key(), Algorithm::RS256, id, user);
    auth.authenticate(&bearer(&token)).await
}

fn rsa(id: &str) -> Value {
    published(&rsa_key(), Algorithm::RS256, id)
}

fn ec(id: &str) -> Value {
    published(&ec_key(), Algorithm::ES256, id)
}

const UNKNOWN: Problem = Problem::Unauthenticated(AuthFailure::UnknownKey);

#[tokio::test(start_paused = true)]
async fn tokens_of_both_algorithms_are_taken_each_where_configured() {
    let (issuer, auth) = setup(JwtAlgorithm::ES256);
    issuer.publish(&[rsa("r"), ec("e"), json!({"kty": "new", "kid": "x"})]);
    let good = token(&ec_key(), Algorithm::ES256, Some("e"), "ann");
    assert!(auth.authenticate(&bearer(&good)).await.is_ok());
    let other = by_rsa(&auth, Some("r"), "ann").await;
    assert_eq!(other, Err(Problem::Unauthenticated(AuthFailure::Algorithm)));
    let wrong_key = token(&ec_key(), Algorithm::ES256, Some("r"), "ann");
    assert_eq!(auth.authenticate(&bearer(&wrong_key)).await, Err(UNKNOWN));
}

#[tokio::test(start_paused = true)]
async fn a_public_key_is_no_shared_secret() {
    let (issuer, auth) = setup(JwtAlgorithm::RS256);
    issuer.publish(&[rsa("r")]);
    let public = rsa("r");
    for secret in [public["n"].as_str().unwrap(), &public.to_string()] {
        let forged = EncodingKey::from_secret(secret.as_bytes());
        let token = token(&forged, Algorithm::HS256, Some("r"), "eve");
        let refused = auth.authenticate(&bearer(&token)).await;
        assert_eq!(refused, Err(Problem::Unauthenticated(AuthFailure::Algorithm)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_without_a_key_id_needs_a_set_of_one_key() {
    let (issuer, auth) = setup(JwtAlgorithm::RS256);
    issuer.publish(&[rsa("r"), ec("e")]);
    assert!(by_rsa(&auth, None, "ann").await.is_ok());
    let (issuer, auth) = setup(JwtAlgorithm::RS256);
    issuer.publish(&[rsa("r"), rsa("s")]);
    assert_eq!(by_rsa(&auth, None, "ann").await, Err(UNKNOWN));
}

#[tokio::test(start_paused = true)]
async fn keys_for_other_uses_and_short_keys_are_passed_over() {
    let (mut encrypting, mut short, mut other) = (rsa("r"), rsa("s"), rsa("t"));
    encrypting["use"] = "enc".into();
    short["n"] = short["n"].as_str().unwrap()[..171].into();
    other["alg"] = "RS512".into();
    let (issuer, auth) = setup(JwtAlgorithm::RS256);
    issuer.publish(&[encrypting, short, other]);
    let refused = by_rsa(&auth, Some("r"), "ann").await.unwrap_err();
    assert_eq!(refused.status(), 503, "a set without a usable key is no set");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_looked_for_once_per_interval() {
    let (issuer, auth) = setup(JwtAlgorithm::RS256);
    issuer.publish(&[rsa("old")]);
    assert!(by_rsa(&auth, Some("old"), "ann").await.is_ok());
    assert_eq!(issuer.fetches(), 1);

    issuer.publish(&[rsa("old"), rsa("new")]);
    assert_eq!(by_rsa(&auth, Some("new"), "bob").await, Err(UNKNOWN));
    assert_eq!(issuer.fetches(), 1, "too soon after the last");

    tokio::time::advance(Duration::from_secs(30)).await;
    let waiting = (0..8).map(|i| by_rsa_owned(&auth, format!("user-{i}")));
    for outcome in futures::future::join_all(waiting).await {
        assert!(outcome.is_ok());
    }
    assert_eq!(issuer.fetches(), 2, "those who wait share one fetch");
    assert_eq!(by_rsa(&auth, Some("made-up"), "eve").await, Err(UNKNOWN));
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_does_not_break_off_a_fetch() {
    let (issuer, auth) = setup(JwtAlgorithm::RS256);
    issuer.publish(&[rsa("r")]);
    assert!(by_rsa(&auth, Some("r"), "eve").now_or_never().is_none());
    issuer.fetched.notified().await;
    assert!(by_rsa(&auth, Some("r"), "ann").await.is_ok());
    assert_eq!(issuer.fetches(), 1);
}

async fn by_rsa_owned(auth: &Authenticator, user: String) -> Result<Caller, Problem> {
    by_rsa(auth, Some("new"), &user).await
}

#[tokio::test(start_paused = true)]
async fn old_keys_are_refreshed_behind_and_serve_on_when_that_fails() {
    let (issuer, auth) = setup(JwtAlgorithm::RS256);
    issuer.publish(&[rsa("r")]);
    assert!(by_rsa(&auth, Some("r"), "ann").await.is_ok());
    issuer.fetched.notified().await;

    *issuer.keys.lock() = None;
    tokio::time::advance(Duration::from_secs(601)).await;
    assert!(by_rsa(&auth, Some("r"), "bob").await.is_ok());
    issuer.fetched.notified().await;
    assert_eq!(issuer.fetches(), 2);
    tokio::time::advance(Duration::from_secs(86_400)).await;
    assert!(by_rsa(&auth, Some("r"), "cid").await.is_ok());
    issuer.fetched.notified().await;

    issuer.publish(&[rsa("s")]);
    tokio::time::advance(Duration::from_secs(31)).await;
    assert!(by_rsa(&auth, Some("s"), "dan").await.is_ok());
    assert_eq!(by_rsa(&auth, Some("r"), "eve").await, Err(UNKNOWN));
}

#[tokio::test(start_paused = true)]
async fn without_any_key_the_service_is_unavailable_not_the_token_wrong() {
    let (issuer, auth) = setup(JwtAlgorithm::RS256);
    let refused = by_rsa(&auth, Some("r"), "ann").await.unwrap_err();
    assert_eq!((refused.status().as_u16(), refused.retry_after().is_some()), (503, true));
    issuer.publish(&[rsa("r")]);
    tokio::time::advance(Duration::from_secs(30)).await;
    assert!(by_rsa(&auth, Some("r"), "ann").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_remembered_token_asks_for_no_key() {
    let (issuer, auth) = setup(JwtAlgorithm::RS256);
    issuer.publish(&[rsa("r")]);
    let headers = bearer(&token(&rsa_key(), Algorithm::RS256, Some("r"), "ann"));
    assert!(auth.authenticate(&headers).await.is_ok());
    issuer.publish(&[rsa("s")]);
    tokio::time::advance(Duration::from_secs(31)).await;
    assert!(by_rsa(&auth, Some("s"), "bob").await.is_ok());
    assert!(auth.authenticate(&headers).await.is_ok(), "its key is gone, it is remembered");
}

/// Serves `body` on a loopback port.
async fn serve(body: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let routes = Router::new().route("/keys", get(move || std::future::ready(body.clone())));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

async fn over_http(body: String) -> Result<Caller, Problem> {
    let mut settings = settings(JwtAlgorithm::ES256);
    settings.jwks_url = Some(serve(body).await);
    let auth = Authenticator::new(&jwt(settings), "0.0.0.0:80".parse().unwrap()).unwrap();
    let mut claims = claims();
    claims["exp"] = (kudos_core::Clock::now(&SystemClock).0 / 1000 + 60).into();
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("e".into());
    let token = sign(&ec_key(), &header, &claims);
    auth.authenticate(&bearer(&token)).await
}

#[tokio::test]
async fn keys_are_fetched_over_http_up_to_a_size() {
    let keys = json!({"keys": [ec("e")]}).to_string();
    assert!(over_http(keys.clone()).await.is_ok());
    let huge = format!("{keys}{}", " ".repeat(600 * 1024));
    assert_eq!(over_http(huge).await.unwrap_err().status(), 503);
}

#[tokio::test]
async fn a_key_file_is_read_and_refused_at_start_when_it_is_wrong() {
    let path = |name: &str| std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    let (good, bad) = (path("kudos-keys"), path("kudos-no-keys"));
    std::fs::write(&good, json!({"keys": [rsa("r")]}).to_string()).unwrap();
    std::fs::write(&bad, r#"{"keys":[]}"#).unwrap();
    let from = |file: &std::path::Path| {
        let mut settings = settings(JwtAlgorithm::RS256);
        (settings.jwks_url, settings.jwks_file) = (None, Some(file.to_owned()));
        Authenticator::new(&jwt(settings), "0.0.0.0:80".parse().unwrap())
    };
    let expired = by_rsa(&from(&good).unwrap(), Some("r"), "ann").await;
    let genuine = expired.is_ok() || expired == Err(Problem::Unauthenticated(AuthFailure::Expired));
    assert!(genuine, "the signature was found good");
    assert!(matches!(from(&bad).err(), Some(AuthSettingsError::KeyFile { .. })));
    let missing = path("kudos-missing");
    assert!(matches!(from(&missing).err(), Some(AuthSettingsError::KeyFile { .. })));
    std::fs::remove_file(good).unwrap();
    std::fs::remove_file(bad).unwrap();
}
