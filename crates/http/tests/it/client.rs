//! Requests without a network.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use kudos_http::problem::ProblemDocument;
use tower::ServiceExt;

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem document that the answer is, checked for its form.
    pub(crate) fn problem(&self) -> ProblemDocument {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let document: ProblemDocument = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(document.status, self.status.as_u16());
        let seconds = document.retry_after.map(|s| s.to_string());
        assert_eq!(self.header("retry-after"), seconds.unwrap_or_default());
        document
    }

    /// The last part of the problem's type.
    pub(crate) fn slug(&self) -> String {
        self.problem().kind.trim_start_matches("/problems/").to_owned()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes().to_vec(),
    }
}

pub(crate) async fn get(router: &Router, path: &str) -> Answer {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

pub(crate) async fn get_with(router: &Router, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(router, request.body(Body::empty()).unwrap()).await
}

pub(crate) async fn post_json(router: &Router, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    send(router, request.body(body.into()).unwrap()).await
}
