//! Input of every bad kind: a clear 4xx that names the field and the limit, and nothing stored.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Op, RawAnswer, Server, exchange, get, kudos, numbered_posts};

/// A server with one post, which nothing in these tests may change.
async fn server(data: &tempfile::TempDir) -> (Server, Api) {
    let server = kudos(data.path()).await;
    let api = server.api();
    api.put_post(&numbered_posts(1)[0]).await;
    (server, api)
}

async fn assert_unharmed(api: &Api) {
    let posts = api.walk("sort=popular").await;
    assert_eq!(posts.len(), 1, "{posts:?}");
    assert_eq!(posts[0].total, 0);
    assert_eq!(api.get("/v1/posts/p000").await.ok()["title"], "Common title 0");
    assert_eq!(api.get("/livez").await.status, 200);
}

/// A write with a body, byte by byte.
fn write(method: &str, target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: kudos\r\nconnection: close\r\nx-user-id: ann\r\n\
         content-length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

const JSON: &str = "content-type: application/json\r\n";

fn put_post(body: &[u8]) -> Vec<u8> {
    write("PUT", "/v1/posts/new", JSON, body)
}

async fn refused(server: &Server, request: &[u8]) -> RawAnswer {
    let what = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
    let answer = exchange(server.address(), request).await;
    let answer = answer.unwrap_or_else(|| panic!("no answer to {what}"));
    assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    answer
}

/// The type, the field and the limit of the refusal.
async fn problem(server: &Server, request: &[u8]) -> (String, Option<String>, Option<u64>) {
    let problem = refused(server, request).await.problem();
    let kind = problem["type"].as_str().unwrap().trim_start_matches("/problems/").to_owned();
    (kind, problem["field"].as_str().map(str::to_owned), problem["limit"].as_u64())
}

fn named(kind: &str, field: &str, limit: Option<u64>) -> (String, Option<String>, Option<u64>) {
    (kind.to_owned(), Some(field.to_owned()), limit)
}

#[tokio::test]
async fn ids_that_break_the_rules_are_refused_wherever_they_stand() {
    let data = tempfile::tempdir().unwrap();
    let (server, api) = server(&data).await;
    let long = "x".repeat(129);
    for id in [long.as_str(), "%7Bx%7D", "{x}", "a%2Fb", "a%5Cb", "a%00b", "a%0Ab", "%C2%85"] {
        for path in ["", "/reactions", "/reactions/users"] {
            let found = problem(&server, &get(&format!("/v1/posts/{id}{path}"))).await;
            assert_eq!(found, named("invalid-post-id", "post", Some(128)), "{id}{path}");
        }
        for request in [
            write("PUT", &format!("/v1/posts/{id}"), JSON, br#"{"title":"t"}"#),
            write("PUT", &format!("/v1/posts/{id}/reactions/like/@me"), "", b""),
            write("DELETE", &format!("/v1/posts/{id}/reactions/@me"), "", b""),
            write("DELETE", &format!("/v1/posts/{id}"), "", b""),
        ] {
            let found = problem(&server, &request).await;
            assert_eq!(found, named("invalid-post-id", "post", Some(128)), "{id}");
        }
    }
    let batch = |id: &str| json!({ "posts": ["p000", id] }).to_string();
    for id in [long.as_str(), "", "{x}", "a/b", "a\0b"] {
        let request = write("POST", "/v1/reactions:batchGet", JSON, batch(id).as_bytes());
        let found = problem(&server, &request).await;
        assert_eq!(
            (found.0.as_str(), found.1.as_deref()),
            ("invalid-body", Some("posts[1]")),
            "{id:?}"
        );
    }
    assert_unharmed(&api).await;
}

#[tokio::test]
async fn users_that_break_the_rules_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let (server, api) = server(&data).await;
    let react = |user: &[u8]| {
        let head = b"PUT /v1/posts/p000/reactions/like/@me HTTP/1.1\r\nhost: kudos\r\nconnection: close\r\nx-user-id: ";
        [head, user, b"\r\n\r\n"].concat()
    };
    let long = "u".repeat(129);
    for user in [long.as_bytes(), b"{u}", b"a/b", b"\xff\xfe", b"ann\r\nx-user-id: ben", b""] {
        let found = problem(&server, &react(user)).await;
        assert_eq!(found, named("invalid-user-id", "X-User-Id", Some(128)), "{user:?}");
    }
    let anonymous = b"PUT /v1/posts/p000/reactions/like/@me HTTP/1.1\r\nhost: kudos\r\nconnection: close\r\n\r\n";
    let answer = refused(&server, anonymous).await;
    assert_eq!(
        (answer.status, &answer.problem()["type"]),
        (401, &"/problems/unauthenticated".into())
    );
    assert!(answer.head.contains("www-authenticate:"), "{answer:?}");
    assert_unharmed(&api).await;
}

#[tokio::test]
async fn paths_and_queries_that_are_not_utf8_or_unknown_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let (server, api) = server(&data).await;
    let found = problem(&server, &get("/v1/posts/%ff%fe/reactions")).await;
    assert_eq!(found, named("invalid-parameter", "path", None));
    for (query, field) in [
        ("q=%ff", "query"),
        ("sort=best", "sort"),
        ("window=2d", "window"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("colour=red", "colour"),
        ("sort=relevance", "sort"),
    ] {
        let found = problem(&server, &get(&format!("/v1/search?{query}"))).await;
        assert_eq!(found, named("invalid-parameter", field, None), "{query}");
    }
    let long = get(&format!("/v1/search?q={}", "x".repeat(257)));
    assert_eq!(problem(&server, &long).await, named("invalid-parameter", "q", None));
    assert_eq!(problem(&server, &get("/v2/posts")).await.0, "not-found");
    let wrong_method = write("POST", "/v1/posts/p000", JSON, b"{}");
    let answer = refused(&server, &wrong_method).await;
    assert_eq!(answer.problem()["type"], "/problems/method-not-allowed");
    assert!(answer.head.contains("allow:"), "{answer:?}");
    // What is no HTTP at all is refused before there is anything to name.
    for request in
        [get(&format!("/v1/posts/{}", "x".repeat(100_000))), b"GET\r\n\r\n".to_vec(), vec![0; 64]]
    {
        refused(&server, &request).await;
    }
    assert_unharmed(&api).await;
}

#[tokio::test]
async fn unknown_kinds_and_bad_keys_are_refused_with_what_is_allowed() {
    let data = tempfile::tempdir().unwrap();
    let (server, api) = server(&data).await;
    for kind in ["hate", "LIKE", "%7B%7D", "li%00ke"] {
        let request = write("PUT", &format!("/v1/posts/p000/reactions/{kind}/@me"), "", b"");
        let problem = refused(&server, &request).await.problem();
        assert_eq!(
            (&problem["type"], &problem["field"]),
            (&"/problems/unknown-kind".into(), &"kind".into())
        );
        assert_eq!(problem["allowed"], json!(["like", "love", "haha", "wow", "sad", "angry"]));
    }
    let found = problem(&server, &get("/v1/posts/p000/reactions/users?kind=hate")).await;
    assert_eq!(found, named("unknown-kind", "kind", None));
    let long = "k".repeat(129);
    for key in ["", "two words", "schl\u{fc}ssel", &long, "a\r\nidempotency-key: b"] {
        let headers = format!("idempotency-key: {key}\r\n");
        let request = write("PUT", "/v1/posts/p000/reactions/like/@me", &headers, b"");
        let found = problem(&server, &request).await;
        assert_eq!(found, named("invalid-idempotency-key", "Idempotency-Key", Some(128)), "{key}");
    }
    let unknown = Op::new("k", "never-stored", "ann", Some("like"));
    assert_eq!(api.send(&unknown).await.unwrap().problem(), "unknown-post");
    assert_unharmed(&api).await;
}

#[tokio::test]
async fn bodies_that_are_too_large_too_deep_or_no_json_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let (server, api) = server(&data).await;
    let large = vec![b' '; 256 * 1024 + 1];
    assert_eq!(
        problem(&server, &put_post(&large)).await,
        ("body-too-large".into(), None, Some(262_144))
    );
    let head = "PUT /v1/posts/new HTTP/1.1\r\nhost: k\r\nconnection: close\r\nx-user-id: ann\r\n\
                content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n40001\r\n";
    let chunked = [head.as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(problem(&server, &chunked).await.0, "body-too-large");

    let text = |bytes: usize| "x".repeat(bytes);
    let (title, body, author) = (text(513), text(65_537), text(129));
    for (sent, field) in [
        (json!({"title": title}), "title"),
        (json!({"title": ""}), "title"),
        (json!({"title": 7}), "title"),
        (json!({"title": "t", "body": body}), "body"),
        (json!({"title": "t", "author": author}), "author"),
        (json!({"title": "t", "created_at": "yesterday"}), "created_at"),
        (json!({"title": "t", "colour": "red"}), "colour"),
        (json!({}), "."),
        (json!([]), "."),
    ] {
        let found = problem(&server, &put_post(sent.to_string().as_bytes())).await;
        assert_eq!((found.0.as_str(), found.1.as_deref()), ("invalid-body", Some(field)), "{sent}");
    }
    let deep = ["[".repeat(100_000), "{\"title\":".repeat(10_000)];
    for sent in [
        deep[0].as_bytes(),
        deep[1].as_bytes(),
        b"",
        b"{\"title\":\"\xff\"}",
        b"{\"title\":\"t\"}x",
    ] {
        assert_eq!(problem(&server, &put_post(sent)).await.0, "invalid-body");
    }
    let posts: Vec<String> = (0..101).map(|i| format!("p{i}")).collect();
    for sent in [json!({"posts": posts}), json!({"posts": []}), json!({"posts": "p000"})] {
        let request = write("POST", "/v1/reactions:batchGet", JSON, sent.to_string().as_bytes());
        assert_eq!(
            problem(&server, &request).await,
            named("invalid-body", "posts", None),
            "{sent}"
        );
    }
    for kind in ["", "content-type: text/plain\r\n", "content-type: \u{ff}\r\n"] {
        let request = write("PUT", "/v1/posts/new", kind, br#"{"title":"t"}"#);
        let problem = refused(&server, &request).await.problem();
        assert_eq!(problem["type"], "/problems/unsupported-media-type", "{kind}");
        assert_eq!(problem["allowed"], json!(["application/json"]));
    }
    assert_unharmed(&api).await;
}

/// The first cursor of a listing.
async fn first_cursor(api: &Api, path: &str) -> String {
    let page: Value = api.get(path).await.ok();
    page["next_cursor"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn cursors_that_were_forged_changed_or_taken_from_elsewhere_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let server = kudos(data.path()).await;
    let api = server.api();
    for post in numbered_posts(3) {
        api.put_post(&post).await;
        for user in ["ann", "ben"] {
            api.react(&Op::new("k", post.id.as_str(), user, Some("like"))).await;
        }
    }
    let users = "/v1/posts/p000/reactions/users?limit=1";
    let of_users = first_cursor(&api, users).await;
    let popular = "/v1/search?sort=popular&limit=1";
    let of_popular = first_cursor(&api, popular).await;
    let mut changed = of_popular.clone().into_bytes();
    let middle = changed.len() / 2;
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    let long = "A".repeat(9000);
    for (path, cursor) in [
        (popular, ""),
        (popular, "x"),
        (popular, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        (popular, "%00"),
        (popular, &long),
        (popular, &changed),
        (popular, &of_users),
        (users, &of_popular),
        ("/v1/search?sort=recent&limit=1", &of_popular),
        ("/v1/search?sort=popular&window=7d", &of_popular),
        ("/v1/search?sort=popular&q=title", &of_popular),
        ("/v1/posts/p001/reactions/users?limit=1", &of_users),
        ("/v1/posts/p000/reactions/users?limit=1&kind=like", &of_users),
    ] {
        let answer = api.get(&format!("{path}&cursor={cursor}")).await;
        assert_eq!(answer.problem(), "invalid-cursor", "{path} {cursor}");
        assert_eq!(answer.json()["field"], "cursor");
    }
    assert_eq!(api.get(&format!("{popular}&cursor={of_popular}")).await.status, 200);
}

#[tokio::test]
async fn what_a_browser_may_not_do_is_not_allowed_by_default() {
    let data = tempfile::tempdir().unwrap();
    let (_server, api) = server(&data).await;
    let request = api.request(Method::OPTIONS, "/v1/posts/p000/reactions/like/@me");
    let request = request.header("origin", "https://elsewhere.example");
    let answer = request.header("access-control-request-method", "PUT").send().await.unwrap();
    assert_eq!(answer.headers().get("access-control-allow-origin"), None);
}
