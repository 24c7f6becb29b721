//! The document that a problem is written as.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kudos_core::id::MAX_ID_BYTES;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MAX_KEY_BYTES, Problem};

/// The content type of every problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

const SHORT: Duration = Duration::from_secs(1);
/// Space is freed by an operator, not by waiting a moment.
const LONG: Duration = Duration::from_secs(30);

/// An RFC 9457 problem document. Fields that say nothing about a problem are absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// The stable type, a relative reference such as `/problems/unknown-kind`.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/problems/unknown-kind")]
    pub kind: Cow<'static, str>,
    /// The type in words.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What is wrong this time.
    pub detail: String,
    /// The parameter, header or field of the body at fault.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub field: Option<Cow<'static, str>>,
    /// The limit that was passed, in bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub limit: Option<u64>,
    /// What would have been accepted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub allowed: Option<Vec<String>>,
    /// The scope that is missing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub scope: Option<Cow<'static, str>>,
    /// Seconds until a retry is likely to be taken, as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub retry_after: Option<u64>,
}

impl Problem {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.problem_type().status()
    }

    /// The parameter, header or field of the body at fault.
    pub fn field(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::InvalidPostId(_) | Self::UnknownPost(_) => Some("post".into()),
            Self::InvalidUserId { field, .. } => Some((*field).into()),
            Self::UnknownKind(_) => Some("kind".into()),
            Self::InvalidIdempotencyKey | Self::KeyReused => Some("Idempotency-Key".into()),
            Self::InvalidBody { field, .. } => Some(field.clone().into()),
            Self::InvalidParameter { field, .. } => Some(field.clone()),
            Self::InvalidCursor => Some("cursor".into()),
            Self::UnsupportedMediaType => Some("Content-Type".into()),
            _ => None,
        }
    }

    /// How long the client should wait; none where a retry does not help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after } => {
                Some(*retry_after)
            }
            Self::Timeout => Some(SHORT),
            Self::NoSpace => Some(LONG),
            _ => None,
        }
    }

    fn limit(&self) -> Option<u64> {
        let bytes = match self {
            Self::InvalidPostId(_) | Self::InvalidUserId { .. } => MAX_ID_BYTES,
            Self::InvalidIdempotencyKey => MAX_KEY_BYTES,
            Self::BodyTooLarge { limit } => *limit,
            _ => return None,
        };
        u64::try_from(bytes).ok()
    }

    fn allowed(&self) -> Option<Vec<String>> {
        match self {
            Self::UnknownKind(kinds) => Some(kinds.names().map(String::from).collect()),
            Self::UnsupportedMediaType => Some(vec!["application/json".into()]),
            _ => None,
        }
    }

    /// The document as the client gets it.
    pub fn document(&self) -> ProblemDocument {
        let kind = self.problem_type();
        ProblemDocument {
            kind: kind.uri().into(),
            title: kind.title().into(),
            status: kind.status().as_u16(),
            detail: self.to_string(),
            field: self.field(),
            limit: self.limit(),
            allowed: self.allowed(),
            scope: match self {
                Self::Forbidden(scope) => Some(scope.as_str().into()),
                _ => None,
            },
            retry_after: self.retry_after().map(whole_seconds),
        }
    }
}

/// Seconds, rounded up: a client that comes back a moment early is refused again.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = self.document();
        // A struct of texts and numbers always serialises; an empty body would still have its status.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = document.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::Unauthenticated(failure) = &self {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(failure.challenge()));
        }
        response.extensions_mut().insert(self.problem_type());
        response
    }
}
