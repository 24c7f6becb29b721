//! A client of one service.

use async_trait::async_trait;
use kudos_core::{Kinds, Post, Version};
use kudos_http::timestamp::Timestamp;
use kudos_testkit::checker::{Ack, Client, Reply, Request};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// What writers count of the conditional writes that they send to Cassandra.
pub(crate) const CONDITIONAL_WRITES: &str = "kudos_cassandra_conditional_writes";

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body, if the request succeeded.
    pub(crate) fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.json()
    }
}

/// Clones share their connections.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: String,
    /// How often a write is sent that a busy server does not answer.
    tries: usize,
}

impl Api {
    pub(crate) fn new(base: &str) -> Self {
        kudos_runtime::tls::install();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base: base.to_owned(), tries: 1 }
    }

    /// The same as a client that sends a write again whose server was too busy: for tests that keep
    /// Cassandra busy. All others have to be answered the first time.
    pub(crate) fn patient(self) -> Self {
        Self { tries: 10, ..self }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await.unwrap()
    }

    pub(crate) async fn metrics(&self) -> String {
        self.get("/metrics").await.body
    }

    /// The sum of a counter's samples with a label.
    pub(crate) async fn counter(&self, name: &str, label: &str) -> f64 {
        let metrics = self.metrics().await;
        let samples = metrics.lines().filter(|line| line.starts_with(name) && line.contains(label));
        let value =
            |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        samples.filter_map(value).sum()
    }

    pub(crate) async fn put_post(&self, post: &Post) {
        let body = json!({
            "title": post.title, "body": post.body, "author": post.author,
            "created_at": Timestamp(post.created_at).to_string(),
        });
        let request = self.request(Method::PUT, &format!("/v1/posts/{}", post.id));
        self.written(request.header("x-user-id", "editor").json(&body)).await.ok();
    }

    /// Reacts by the name of a kind, or takes back.
    pub(crate) async fn react(
        &self,
        key: &str,
        post: &str,
        user: &str,
        want: Option<&str>,
    ) -> Answer {
        let path = format!("/v1/posts/{post}/reactions");
        let request = match want {
            Some(kind) => self.request(Method::PUT, &format!("{path}/{kind}/@me")),
            None => self.request(Method::DELETE, &format!("{path}/@me")),
        };
        self.written(request.header("x-user-id", user).header("idempotency-key", key)).await
    }

    async fn written(&self, request: RequestBuilder) -> Answer {
        for _ in 1..self.tries {
            match answer(request.try_clone().expect("its body is in memory")).await {
                Ok(answer) if answer.status != 503 => return answer,
                Ok(_) | Err(_) => {}
            }
        }
        answer(request).await.unwrap()
    }

    /// Counts of a post, as a user sees them.
    pub(crate) async fn counts(&self, post: &str, user: &str) -> Value {
        let request = self.request(Method::GET, &format!("/v1/posts/{post}/reactions"));
        answer(request.header("x-user-id", user)).await.unwrap().ok()
    }

    /// The posts of the first page of a search, and the whole answer.
    pub(crate) async fn search(&self, query: &str) -> (Vec<(String, u64)>, Value) {
        let page = self.get(&format!("/v1/search?{query}")).await.ok();
        let row = |row: &Value| {
            (row["post"].as_str().unwrap().to_owned(), row["total"].as_u64().unwrap())
        };
        (page["posts"].as_array().unwrap().iter().map(row).collect(), page)
    }
}

async fn answer(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    Ok(Answer { status, body: response.text().await? })
}

fn acknowledged(kinds: &Kinds, body: &Value) -> Option<Ack> {
    let mine = body["mine"].as_str().and_then(|name| kinds.find(name));
    let version = Version(body["version"].as_u64()?);
    let counts = kinds.names().map(|name| body["counts"][name].as_u64()).collect::<Option<_>>()?;
    Some(Ack { mine, changed: body["changed"].as_bool()?, version, counts })
}

#[async_trait]
impl Client for Api {
    async fn react(&self, request: &Request) -> Reply {
        let kinds = Kinds::default();
        let want = request.want.map(|kind| kinds.name(kind).to_owned());
        let (post, user) = (request.post.as_str(), request.user.as_str());
        let path = format!("/v1/posts/{post}/reactions");
        let sent = match want {
            Some(kind) => self.request(Method::PUT, &format!("{path}/{kind}/@me")),
            None => self.request(Method::DELETE, &format!("{path}/@me")),
        };
        let sent = sent.header("x-user-id", user).header("idempotency-key", &request.key);
        let Ok(answer) = answer(sent).await else { return Reply::Unknown };
        match answer.status {
            200 => acknowledged(&kinds, &answer.json())
                .map_or_else(|| Reply::Wrong(format!("{answer:?}")), Reply::Acknowledged),
            409 => Reply::Stale,
            429 => Reply::Busy,
            503 => Reply::Unknown,
            _ => Reply::Wrong(format!("{answer:?}")),
        }
    }
}
