//! Which tokens name a caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kudos_core::{Clock, Millis};
use kudos_http::Problem;
use kudos_http::auth::{
    AuthFailure, AuthMode, AuthSettings, AuthSettingsError, Authenticator, Caller, JwtAlgorithm,
    JwtSettings, Scope, Scopes,
};
use kudos_runtime::config::Secret;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "a shared secret of thirty-two bytes or more";
/// The moment at which the tests take place, in seconds.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn at(seconds: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seconds)))
    }

    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::Relaxed) * 1000)
    }
}

pub(crate) fn rsa_key() -> EncodingKey {
    EncodingKey::from_rsa_der(include_bytes!("keys/rsa.der"))
}

pub(crate) fn ec_key() -> EncodingKey {
    EncodingKey::from_ec_der(include_bytes!("keys/ec.der"))
}

/// The published half of a key, under an id.
pub(crate) fn published(key: &EncodingKey, algorithm: Algorithm, id: &str) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(id.into());
    serde_json::to_value(jwk).unwrap()
}

pub(crate) fn claims() -> Value {
    json!({
        "sub": "ann", "exp": NOW + 60, "aud": "kudos", "iss": "https://id.example",
        "scope": "openid react posts:write",
    })
}

pub(crate) fn sign(key: &EncodingKey, header: &Header, claims: &Value) -> String {
    jsonwebtoken::encode(header, claims, key).unwrap()
}

fn shared(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    sign(&key, &Header::new(Algorithm::HS256), claims)
}

pub(crate) fn jwt(settings: JwtSettings) -> AuthSettings {
    AuthSettings { mode: AuthMode::Jwt, jwt: settings, ..AuthSettings::default() }
}

fn settings() -> AuthSettings {
    jwt(JwtSettings {
        secret: Secret::new(SECRET),
        audience: Some("kudos".into()),
        issuer: Some("https://id.example".into()),
        ..JwtSettings::default()
    })
}

fn authenticator(clock: &Arc<TestClock>) -> Authenticator {
    let listen = "0.0.0.0:80".parse().unwrap();
    Authenticator::with_parts(&settings(), listen, None, clock.clone()).unwrap()
}

pub(crate) fn bearer(token: &str) -> HeaderMap {
    let value = format!("Bearer {token}").parse().unwrap();
    HeaderMap::from_iter([(axum::http::header::AUTHORIZATION, value)])
}

async fn outcome(token: &str) -> Result<Caller, Problem> {
    let authenticator = authenticator(&TestClock::at(NOW));
    authenticator.authenticate(&bearer(token)).await
}

async fn refusal(claims: Value) -> Problem {
    outcome(&shared(&claims)).await.unwrap_err()
}

fn changed(field: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[field] = value;
    claims
}

fn without(field: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(field);
    claims
}

#[tokio::test]
async fn a_good_token_names_its_user_and_scopes() {
    let caller = outcome(&shared(&claims())).await.unwrap();
    assert_eq!(caller.require(Scope::React).unwrap().as_str(), "ann");
    assert_eq!(caller.scopes, Scopes::of(&[Scope::React, Scope::PostsWrite]));
    assert_eq!(caller.require(Scope::Admin), Err(Problem::Forbidden(Scope::Admin)));
}

#[tokio::test]
async fn scopes_are_taken_from_scp_too() {
    for scp in [json!(["admin", "other"]), json!("admin other")] {
        let mut claims = without("scope");
        claims["scp"] = scp;
        let caller = outcome(&shared(&claims)).await.unwrap();
        assert_eq!(caller.scopes, Scopes::of(&[Scope::Admin]));
    }
}

#[tokio::test]
async fn a_token_that_breaks_a_rule_is_refused_for_it() {
    use AuthFailure::{Audience, Claims, Expired, Issuer, NotYetValid};
    for (claims, failure) in [
        (changed("exp", json!(NOW - 30)), Expired),
        (changed("exp", json!(0)), Expired),
        (changed("exp", json!(-1e300)), Claims),
        (changed("nbf", json!(NOW + 31)), NotYetValid),
        (changed("nbf", json!(u64::MAX)), NotYetValid),
        (changed("aud", json!("other")), Audience),
        (changed("aud", json!(["other", "third"])), Audience),
        (changed("iss", json!("https://evil.example")), Issuer),
        (without("sub"), Claims),
        (without("exp"), Claims),
        (without("aud"), Claims),
        (without("iss"), Claims),
        (changed("sub", json!(7)), Claims),
        (changed("exp", json!("tomorrow")), Claims),
    ] {
        let refused = refusal(claims.clone()).await;
        assert_eq!(refused, Problem::Unauthenticated(failure), "{claims}");
    }
    let refused = refusal(changed("sub", json!("a/b"))).await;
    assert_eq!(refused.field().as_deref(), Some("sub"));
}

#[tokio::test]
async fn clocks_may_differ_by_the_leeway() {
    for good in [
        changed("exp", json!(NOW - 29)),
        changed("nbf", json!(NOW + 30)),
        changed("exp", json!(NOW as f64 + 0.5)),
        changed("aud", json!(["other", "kudos"])),
    ] {
        assert!(outcome(&shared(&good)).await.is_ok(), "{good}");
    }
}

#[tokio::test]
async fn a_token_by_another_key_or_algorithm_is_refused() {
    let other = EncodingKey::from_secret(&[7; 32]);
    let forged = sign(&other, &Header::new(Algorithm::HS256), &claims());
    let stronger = EncodingKey::from_secret(SECRET.as_bytes());
    let stronger = sign(&stronger, &Header::new(Algorithm::HS512), &claims());
    let rsa = sign(&rsa_key(), &Header::new(Algorithm::RS256), &claims());
    for (token, failure) in [
        (forged, AuthFailure::Signature),
        (stronger, AuthFailure::Algorithm),
        (rsa, AuthFailure::Algorithm),
    ] {
        assert_eq!(outcome(&token).await, Err(Problem::Unauthenticated(failure)));
    }
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = shared(&claims());
    let signature = signed.rsplit('.').next().unwrap();
    for alg in ["none", "None", "NONE", ""] {
        for tail in ["", signature] {
            let token = format!("{}.{}.{tail}", part(&json!({"alg": alg})), part(&claims()));
            assert!(outcome(&token).await.is_err(), "{alg}");
        }
    }
    let cut = signed.strip_suffix(signature).unwrap();
    assert!(outcome(cut).await.is_err());
}

#[tokio::test]
async fn a_token_that_demands_an_unknown_extension_is_refused() {
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(vec!["b64".into()]);
    let token = sign(&EncodingKey::from_secret(SECRET.as_bytes()), &header, &claims());
    let malformed = Problem::Unauthenticated(AuthFailure::Malformed);
    assert_eq!(outcome(&token).await, Err(malformed));
}

#[tokio::test]
async fn claims_changed_after_signing_are_refused() {
    let token = shared(&claims());
    let mut parts: Vec<&str> = token.split('.').collect();
    let admin = URL_SAFE_NO_PAD.encode(changed("scope", json!("admin")).to_string());
    parts[1] = &admin;
    let refused = outcome(&parts.join(".")).await;
    assert_eq!(refused, Err(Problem::Unauthenticated(AuthFailure::Signature)));
}

#[tokio::test]
async fn a_remembered_token_still_expires() {
    let clock = TestClock::at(NOW);
    let authenticator = authenticator(&clock);
    let headers = bearer(&shared(&claims()));
    assert!(authenticator.authenticate(&headers).await.is_ok());
    clock.set(NOW + 89);
    assert!(authenticator.authenticate(&headers).await.is_ok());
    clock.set(NOW + 90);
    let expired = Problem::Unauthenticated(AuthFailure::Expired);
    assert_eq!(authenticator.authenticate(&headers).await, Err(expired));
}

#[tokio::test]
async fn tokens_are_taken_where_none_is_remembered() {
    let mut settings = settings();
    settings.jwt.cached_tokens = 0;
    let (listen, clock) = ("0.0.0.0:80".parse().unwrap(), TestClock::at(NOW));
    let authenticator = Authenticator::with_parts(&settings, listen, None, clock).unwrap();
    for _ in 0..2 {
        let caller = authenticator.authenticate(&bearer(&shared(&claims()))).await;
        assert!(caller.is_ok());
    }
}

#[tokio::test]
async fn authorization_is_one_bearer_token_or_nothing() {
    let authenticator = authenticator(&TestClock::at(NOW));
    let none = authenticator.authenticate(&HeaderMap::new()).await.unwrap();
    assert_eq!(none.user, None);
    let no_token = Problem::Unauthenticated(AuthFailure::NoToken);
    assert_eq!(none.require(Scope::React), Err(no_token));

    let mut named = HeaderMap::new();
    named.insert("x-user-id", "eve".parse().unwrap());
    assert_eq!(authenticator.authenticate(&named).await.unwrap().user, None);

    let good = bearer(&shared(&claims()));
    let mut twice = good.clone();
    twice.append("authorization", good["authorization"].clone());
    let long = bearer(&"x".repeat(8193));
    let mut basic = HeaderMap::new();
    basic.insert("authorization", "Basic YTpi".parse().unwrap());
    let mut bare = HeaderMap::new();
    bare.insert("authorization", "Bearer".parse().unwrap());
    for refused in [twice, long, basic, bare] {
        let outcome = authenticator.authenticate(&refused).await;
        assert_eq!(outcome, Err(Problem::Unauthenticated(AuthFailure::NotBearer)));
    }
}

#[test]
fn a_header_names_users_on_loopback_or_behind_a_gateway_only() {
    let settings = AuthSettings::default();
    for loopback in ["127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "127.9.9.9:80"] {
        assert!(settings.validate(loopback.parse().unwrap()).is_ok());
    }
    for open in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80"] {
        let open = open.parse().unwrap();
        let refused = Authenticator::new(&settings, open).err();
        assert!(matches!(refused, Some(AuthSettingsError::HeaderOnOpenAddress(at)) if at == open));
        let gateway = AuthSettings { behind_gateway: true, ..AuthSettings::default() };
        assert!(gateway.validate(open).is_ok());
    }
}

#[test]
fn settings_that_would_weaken_tokens_are_refused() {
    use AuthSettingsError::{InsecureUrl, KeySource, Leeway, NoAudience, ShortSecret};
    let refused = |change: &dyn Fn(&mut JwtSettings)| {
        let mut settings = settings();
        change(&mut settings.jwt);
        settings.validate("0.0.0.0:80".parse().unwrap()).unwrap_err()
    };
    let published = |jwt: &mut JwtSettings, url: &str| {
        jwt.algorithm = JwtAlgorithm::RS256;
        jwt.secret = Secret::default();
        jwt.jwks_url = Some(url.into());
    };
    let short = refused(&|jwt| jwt.secret = Secret::new("x".repeat(31)));
    assert!(matches!(short, ShortSecret(31)));
    let both = refused(&|jwt| jwt.jwks_url = Some("https://id.example/keys".into()));
    assert!(matches!(both, KeySource(JwtAlgorithm::HS256, _)));
    let secret = refused(&|jwt| jwt.algorithm = JwtAlgorithm::ES256);
    assert!(matches!(secret, KeySource(JwtAlgorithm::ES256, _)));
    let leeway = refused(&|jwt| jwt.leeway = std::time::Duration::from_secs(301));
    assert!(matches!(leeway, Leeway));
    let anybody = refused(&|jwt| {
        published(jwt, "https://id.example/keys");
        jwt.audience = None;
    });
    assert!(matches!(anybody, NoAudience));
    for url in ["http://id.example/keys", "ftp://localhost/", "http://127.0.0.1.evil.example/", "x"]
    {
        assert!(matches!(refused(&|jwt| published(jwt, url)), InsecureUrl), "{url}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let text = format!("{:?} {}", settings(), serde_json::to_string(&settings()).unwrap());
    assert!(!text.contains(SECRET));
}

#[test]
fn settings_refuse_unknown_keys_and_scopes() {
    let read = |json: &str| serde_json::from_str::<AuthSettings>(json);
    let some = read(r#"{"mode":"jwt","header_scopes":["admin"],"jwt":{"leeway":"5s"}}"#).unwrap();
    assert_eq!(some.header_scopes, Scopes::of(&[Scope::Admin]));
    for wrong in [r#"{"mod":1}"#, r#"{"header_scopes":["root"]}"#, r#"{"jwt":{"leeway":5}}"#] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_is_a_token(text in "[ -~]{0,300}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert!(runtime.block_on(outcome(&text)).is_err());
    }
}
