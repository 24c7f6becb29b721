//! The API as the load uses it.

use std::time::Duration;

use kudos_runtime::start::BoxError;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;

use super::mix::{Ask, Mix};

/// After this a request counts as failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Answered as it should be.
    Answered,
    /// 429 or 503: come back later.
    Refused,
    /// Anything else, or no answer.
    Failed,
}

/// A client of one base URL. Clones share their connections.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    pub(super) fn new(url: &str, token: Option<String>, in_flight: u32) -> Result<Self, BoxError> {
        kudos_runtime::tls::install();
        let idle = usize::try_from(in_flight)?;
        let http = reqwest::Client::builder().timeout(PATIENCE).pool_max_idle_per_host(idle);
        let base = url.trim_end_matches('/').to_owned();
        Ok(Self { http: http.no_proxy().build()?, base, token })
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Stores a post to be liked.
    pub(super) async fn store(&self, post: String, n: u32) -> Result<(), BoxError> {
        let body = json!({ "title": format!("Load {n}"), "author": "load" });
        let request = self.request(Method::PUT, &format!("/v1/posts/{post}"), "load").json(&body);
        let answer = request.send().await?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => {
                Err(format!("{post} cannot be stored: {status} {}", answer.text().await?).into())
            }
        }
    }

    /// The request, ready to be sent.
    pub(super) fn ask(&self, ask: &Ask, mix: &Mix, kinds: &[String]) -> RequestBuilder {
        match *ask {
            Ask::React { post, user, want, key } => {
                let path = format!("/v1/posts/{}/reactions", mix.post(post));
                let request = match want {
                    Some(kind) => {
                        let path = format!("{path}/{}/@me", kinds[kind]);
                        self.request(Method::PUT, &path, &name(user))
                    }
                    None => self.request(Method::DELETE, &format!("{path}/@me"), &name(user)),
                };
                request.header("idempotency-key", format!("load-{}-{key}", mix.run()))
            }
            Ask::Counts { post, user } => {
                let path = format!("/v1/posts/{}/reactions", mix.post(post));
                self.request(Method::GET, &path, &name(user))
            }
            Ask::Popular => self.request(Method::GET, "/v1/search?sort=popular", "load"),
        }
    }

    fn request(&self, method: Method, path: &str, user: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request.header("x-user-id", user),
        }
    }
}

/// Sends a request, and reads the whole answer.
pub(super) async fn send(request: RequestBuilder) -> Outcome {
    let Ok(answer) = request.send().await else { return Outcome::Failed };
    let status = answer.status();
    if answer.bytes().await.is_err() {
        return Outcome::Failed;
    }
    match status {
        status if status.is_success() => Outcome::Answered,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Outcome::Refused,
        _ => Outcome::Failed,
    }
}

fn name(user: u32) -> String {
    format!("load-{user}")
}
