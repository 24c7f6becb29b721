//! A way to Elasticsearch on which items of bulk requests are refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// More than any request of these tests.
const LARGEST: usize = 64 << 20;
/// The share of items that are refused, half of them in each way.
const REFUSED: f64 = 0.3;

/// Passes on all but some items of bulk requests.
pub(crate) struct Refusing {
    /// Where it listens.
    pub(crate) url: String,
    /// Items that were not passed on, and answered by 429.
    pub(crate) busy: AtomicUsize,
    /// Items that were passed on, and answered by 409, as one is that the index holds already.
    pub(crate) held: AtomicUsize,
    elastic: String,
    http: reqwest::Client,
}

impl Refusing {
    /// Before the Elasticsearch of that URL; it ends with its runtime.
    pub(crate) async fn before(elastic: &str) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refusing = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            busy: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            elastic: elastic.to_owned(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        });
        let passes = Arc::clone(&refusing);
        let app = Router::new().fallback(async move |request: Request| passes.pass(request).await);
        tokio::spawn(async move { axum::serve(listener, app).await });
        refusing
    }

    async fn pass(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, LARGEST).await.unwrap();
        let bulk = parts.uri.path().ends_with("_bulk");
        let chosen = bulk.then(|| choose(&body));
        let kept = chosen.as_ref().map_or_else(|| body.clone(), |chosen| passed_on(chosen));
        // An empty bulk request is an error of its own.
        let answer = match bulk && kept.is_empty() {
            true => Ok((200, json!({"took": 0, "errors": false, "items": []}).to_string())),
            false => self.forward(&parts, kept).await,
        };
        let Ok((status, text)) = answer else {
            return StatusCode::BAD_GATEWAY.into_response();
        };
        let text = match chosen {
            Some(chosen) if status == 200 => self.refuse(&chosen, &text),
            _ => text,
        };
        let head = [("content-type", "application/json"), ("x-elastic-product", "Elasticsearch")];
        (StatusCode::from_u16(status).unwrap(), head, text).into_response()
    }

    async fn forward(
        &self,
        parts: &axum::http::request::Parts,
        body: Bytes,
    ) -> Result<(u16, String), reqwest::Error> {
        let url = format!("{}{}", self.elastic, parts.uri);
        let mut headers = parts.headers.clone();
        // The first two belong to the connection; the answer has to be readable here.
        for name in ["host", "content-length", "accept-encoding"] {
            headers.remove(name);
        }
        let request = self.http.request(parts.method.clone(), url).headers(headers).body(body);
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// The answer with the refusals in their places.
    fn refuse(&self, chosen: &[(Fate, &str)], answer: &str) -> String {
        let mut answer: Value = serde_json::from_str(answer).unwrap();
        let mut given = answer["items"].as_array_mut().map(std::mem::take).unwrap().into_iter();
        let items = chosen.iter().map(|(fate, _)| match fate {
            Fate::Passed => given.next().unwrap(),
            Fate::Busy => {
                self.busy.fetch_add(1, Ordering::Relaxed);
                refusal(429, "es_rejected_execution_exception")
            }
            Fate::Held => {
                let item = given.next().unwrap();
                if item["index"]["status"].as_u64().is_none_or(|status| status >= 300) {
                    return item;
                }
                self.held.fetch_add(1, Ordering::Relaxed);
                refusal(409, "version_conflict_engine_exception")
            }
        });
        let items: Vec<Value> = items.collect();
        answer["items"] = items.into();
        answer["errors"] = true.into();
        answer.to_string()
    }
}

/// What becomes of an item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Passed,
    Busy,
    Held,
}

/// The items, each an action and a document, and what becomes of them.
fn choose(body: &Bytes) -> Vec<(Fate, &str)> {
    let text = std::str::from_utf8(body).unwrap();
    let mut items = Vec::new();
    let mut begin = 0;
    let ends = text.match_indices('\n').map(|(at, _)| at + 1).skip(1).step_by(2);
    for end in ends {
        let fate = match fastrand::f64() {
            chance if chance < REFUSED / 2.0 => Fate::Busy,
            chance if chance < REFUSED => Fate::Held,
            _ => Fate::Passed,
        };
        items.push((fate, &text[begin..end]));
        begin = end;
    }
    items
}

fn passed_on(chosen: &[(Fate, &str)]) -> Bytes {
    let passed = chosen.iter().filter(|(fate, _)| *fate != Fate::Busy);
    passed.map(|(_, item)| *item).collect::<String>().into()
}

fn refusal(status: u16, kind: &str) -> Value {
    json!({"index": {"status": status, "error": {"type": kind, "reason": "made by a test"}}})
}
