//! Callers named by tokens.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, Launch, Server, answer};

const SECRET: &str = "a shared secret of thirty-two bytes or more";

async fn server(data: &Path) -> Server {
    let launch = Launch::on(data).env("KUDOS_AUTH__MODE", "jwt");
    let launch = launch.env("KUDOS_AUTH__JWT__SECRET", SECRET);
    launch.env("KUDOS_AUTH__JWT__AUDIENCE", "kudos").start().await
}

/// Seconds since the epoch, `offset` from now.
fn at(offset: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + offset
}

fn claims(scope: &str, expires: i64) -> Value {
    json!({ "sub": "ann", "aud": "kudos", "exp": at(expires), "scope": scope })
}

fn signed(claims: &Value, secret: &str, algorithm: Algorithm) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), claims, &key).unwrap()
}

async fn send(api: &Api, method: Method, path: &str, token: &str) -> Answer {
    let request =
        api.request(method.clone(), path).header("authorization", format!("Bearer {token}"));
    let request =
        if path.ends_with("p0") { request.json(&json!({ "title": "t" })) } else { request };
    answer(request).await.unwrap()
}

const LIKE: &str = "/v1/posts/p0/reactions/like/@me";

#[tokio::test]
async fn a_good_token_names_the_user_and_its_scopes_say_what_the_user_may_do() {
    let data = tempfile::tempdir().unwrap();
    let server = server(data.path()).await;
    let api = server.api();
    let editor = signed(&claims("posts:write openid", 60), SECRET, Algorithm::HS256);
    let reader = signed(&claims("react", 60), SECRET, Algorithm::HS256);
    assert_eq!(send(&api, Method::PUT, "/v1/posts/p0", &editor).await.status, 201);
    assert_eq!(send(&api, Method::PUT, LIKE, &reader).await.ok()["mine"], "like");
    let counts = send(&api, Method::GET, "/v1/posts/p0/reactions", &reader).await.ok();
    assert_eq!((&counts["mine"], &counts["total"]), (&"like".into(), &1.into()));

    for (path, token, scope) in [(LIKE, &editor, "react"), ("/v1/posts/p0", &reader, "posts:write")]
    {
        let refused = send(&api, Method::PUT, path, token).await;
        assert_eq!((refused.status, refused.problem()), (403, "forbidden".into()));
        assert_eq!(refused.json()["scope"], scope);
    }
}

#[tokio::test]
async fn tokens_that_are_expired_forged_or_for_others_are_refused_and_change_nothing() {
    let data = tempfile::tempdir().unwrap();
    let server = server(data.path()).await;
    let api = server.api();
    let good = claims("react posts:write", 60);
    let token = signed(&good, SECRET, Algorithm::HS256);
    assert_eq!(send(&api, Method::PUT, "/v1/posts/p0", &token).await.status, 201);

    let mut elsewhere = good.clone();
    elsewhere["aud"] = "another service".into();
    let mut parts: Vec<&str> = token.split('.').collect();
    let other = signed(&claims("react admin", 600), SECRET, Algorithm::HS256);
    parts[1] = other.split('.').nth(1).unwrap();
    let spliced = parts.join(".");
    // {"alg":"none"}, and no signature.
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", token.split('.').nth(1).unwrap());
    for (what, token) in [
        ("expired", signed(&claims("react", -3600), SECRET, Algorithm::HS256)),
        ("another secret", signed(&good, "another secret of thirty-two bytes", Algorithm::HS256)),
        ("another algorithm", signed(&good, SECRET, Algorithm::HS512)),
        ("another audience", signed(&elsewhere, SECRET, Algorithm::HS256)),
        ("another payload", spliced),
        ("no signature", unsigned),
        ("no token at all", "x.y.z".to_owned()),
        ("too long", "x".repeat(9000)),
    ] {
        let refused = send(&api, Method::PUT, LIKE, &token).await;
        assert_eq!((refused.status, refused.problem()), (401, "unauthenticated".into()), "{what}");
        assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer"), "{what}");
        // A wrong token is refused even where none is needed.
        assert_eq!(
            send(&api, Method::GET, "/v1/posts/p0/reactions", &token).await.status,
            401,
            "{what}"
        );
    }
    // The trusted header is not trusted in this mode.
    let named = api.request(Method::PUT, LIKE).header("x-user-id", "ann");
    assert_eq!(answer(named).await.unwrap().status, 401);
    assert_eq!(api.counts("p0", "ann").await["total"], 0);
}

#[tokio::test]
async fn a_secret_that_could_be_guessed_is_refused_at_the_start_and_not_shown() {
    let data = tempfile::tempdir().unwrap();
    let launch = Launch::on(data.path()).env("KUDOS_AUTH__MODE", "jwt");
    let launch = launch.env("KUDOS_AUTH__JWT__SECRET", "hunter2");
    let log = launch.try_start().await.err().expect("started with a short secret");
    assert!(log.contains("at least 32 bytes"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}
