//! JSON bodies.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;

use super::clip;
use crate::problem::Problem;

/// The most bytes of a body where nothing else is configured.
pub const DEFAULT_BODY_LIMIT: usize = 256 * 1024;

/// The most bytes of a body, as a request extension; [`DEFAULT_BODY_LIMIT`] where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit(pub usize);

/// The JSON body as `T`, which should refuse unknown fields. A refusal names the field by its
/// path; nesting is bounded by the parser, size by [`BodyLimit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> Json<T> {
    /// Reads a whole body.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let mut reader = serde_json::Deserializer::from_slice(body);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let detail = clip(error.inner().to_string());
            Problem::body(clip(error.path().to_string()), detail)
        })?;
        match reader.end() {
            Ok(()) => Ok(Self(value)),
            Err(error) => Err(Problem::body(".", clip(error.to_string()))),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::UnsupportedMediaType);
        }
        let limit =
            request.extensions().get().map_or(DEFAULT_BODY_LIMIT, |&BodyLimit(limit)| limit);
        if declared_length(request.headers()).is_some_and(|bytes| bytes > limit) {
            return Err(Problem::BodyTooLarge { limit });
        }
        Self::parse(&collect(request.into_body(), limit).await?)
    }
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        if error.into_inner().is::<LengthLimitError>() {
            Problem::BodyTooLarge { limit }
        } else {
            Problem::body(".", "the body could not be read to its end")
        }
    })
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// `application/json` or `application/<something>+json`, with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(text)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    let Some((kind, subtype)) = essence.split_once('/') else {
        return false;
    };
    let subtype = subtype.to_ascii_lowercase();
    kind.eq_ignore_ascii_case("application") && (subtype == "json" || subtype.ends_with("+json"))
}
