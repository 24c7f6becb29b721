//! A client of the API that keeps whole answers, so that tests can compare them.

use kudos_core::{Kinds, Millis, Operation, Post, PostId, UserId};
use kudos_http::timestamp::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

/// When the tests' posts are written.
const EPOCH: u64 = 1_750_000_000_000;

/// An operation as a client sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Op {
    pub(crate) key: String,
    pub(crate) post: PostId,
    pub(crate) user: UserId,
    /// The name of the kind, or none to take a reaction back.
    pub(crate) want: Option<String>,
}

impl Op {
    pub(crate) fn new(key: &str, post: &str, user: &str, want: Option<&str>) -> Self {
        Self {
            key: key.to_owned(),
            post: PostId::new(post).unwrap(),
            user: UserId::new(user).unwrap(),
            want: want.map(str::to_owned),
        }
    }

    /// The operation as the model knows it. Its time is not compared.
    pub(crate) fn operation(&self) -> Operation {
        let kind = |name: &String| Kinds::default().find(name).unwrap();
        let want = self.want.as_ref().map(kind);
        let (post, user) = (self.post.clone(), self.user.clone());
        Operation::keyed(&self.key, post, user, want, Millis(EPOCH))
    }
}

/// A post's line of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ranked {
    pub(crate) post: String,
    pub(crate) total: u64,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The body, if the request succeeded.
    pub(crate) fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.json()
    }

    /// The last part of the problem's type, such as `unknown-post`.
    pub(crate) fn problem(&self) -> String {
        let kind = self.header("content-type");
        assert_eq!(kind.as_deref(), Some("application/problem+json"), "{self:?}");
        let document = self.json();
        assert_eq!(document["status"], self.status, "{self:?}");
        let uri = document["type"].as_str().unwrap();
        uri.strip_prefix("/problems/").unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    }
}

/// A client of one server. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Api {
    http: Client,
    base: String,
}

impl Api {
    pub(crate) fn new(base: &str) -> Self {
        kudos_runtime::tls::install();
        let http = Client::builder().no_proxy().build().unwrap();
        Self { http, base: base.to_owned() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await.unwrap()
    }

    /// Sends an operation. An error means that its outcome is unknown.
    pub(crate) async fn send(&self, op: &Op) -> Result<Answer, reqwest::Error> {
        let Op { key, post, user, want } = op;
        let request = match want {
            Some(kind) => {
                self.request(Method::PUT, &format!("/v1/posts/{post}/reactions/{kind}/@me"))
            }
            None => self.request(Method::DELETE, &format!("/v1/posts/{post}/reactions/@me")),
        };
        let request = request.header("x-user-id", user.as_str()).header("idempotency-key", key);
        answer(request).await
    }

    /// Sends an operation that must succeed.
    pub(crate) async fn react(&self, op: &Op) -> Value {
        self.send(op).await.unwrap().ok()
    }

    pub(crate) async fn put_post(&self, post: &Post) -> Answer {
        let body = json!({
            "title": post.title, "body": post.body, "author": post.author,
            "created_at": time(post.created_at),
        });
        let request = self.request(Method::PUT, &format!("/v1/posts/{}", post.id));
        answer(request.header("x-user-id", "editor").json(&body)).await.unwrap()
    }

    /// The counts of a post, as `user` sees them.
    pub(crate) async fn counts(&self, post: &str, user: &str) -> Value {
        let request = self.request(Method::GET, &format!("/v1/posts/{post}/reactions"));
        let counts = answer(request.header("x-user-id", user)).await.unwrap().ok();
        assert_eq!(counts["degraded"], false, "{counts}");
        counts
    }

    /// What `user` holds on each of the posts.
    pub(crate) async fn mine(&self, user: &UserId, posts: &[PostId]) -> Vec<Option<String>> {
        let request = self.request(Method::POST, "/v1/reactions:batchGet");
        let request = request.header("x-user-id", user.as_str());
        let batch = answer(request.json(&json!({ "posts": posts }))).await.unwrap().ok();
        let results = batch["results"].as_array().unwrap();
        assert_eq!(results.len(), posts.len());
        results.iter().map(|row| row["mine"].as_str().map(str::to_owned)).collect()
    }

    /// All users who hold something on the post, with what they hold.
    pub(crate) async fn reactors(&self, post: &PostId) -> Vec<(UserId, String)> {
        let path = format!("/v1/posts/{post}/reactions/users?limit=100");
        let rows = self.pages(&path, "users", async || {}).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let row = |row: &Value| (UserId::new(&text(&row["user"])).unwrap(), text(&row["kind"]));
        rows.iter().map(row).collect()
    }

    /// A search to its end, whatever its number of pages.
    pub(crate) async fn walk(&self, query: &str) -> Vec<Ranked> {
        self.walk_and(query, async || {}).await
    }

    /// The same, with something that happens behind each page.
    pub(crate) async fn walk_and(&self, query: &str, happens: impl AsyncFnMut()) -> Vec<Ranked> {
        let path = format!("/v1/search?{query}");
        let rows = self.pages(&path, "posts", happens).await;
        rows.iter().map(ranked).collect()
    }

    async fn pages(&self, path: &str, rows: &str, mut happens: impl AsyncFnMut()) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}{cursor}")).await.ok();
            all.extend(page[rows].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
            happens().await;
        }
    }
}

/// Sends a request and reads the whole answer.
pub(crate) async fn answer(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answer { status, headers, body: response.text().await? })
}

fn ranked(row: &Value) -> Ranked {
    let post = row["post"].as_str().unwrap().to_owned();
    Ranked { post, total: row["total"].as_u64().unwrap() }
}

/// A moment as the API writes it.
fn time(at: Millis) -> String {
    let ascii = Timestamp(at).to_ascii();
    String::from_utf8(ascii.to_vec()).unwrap()
}

/// Posts `p000`, `p001`, …, of which every three are written at the same moment, so that the
/// order of their ids decides between them.
pub(crate) fn numbered_posts(count: u64) -> Vec<Post> {
    let post = |i: u64| Post {
        id: PostId::new(&format!("p{i:03}")).unwrap(),
        title: format!("Common title {i}"),
        body: String::new(),
        author: "ann".to_owned(),
        created_at: Millis(EPOCH + i / 3 * 1000),
    };
    (0..count).map(post).collect()
}
