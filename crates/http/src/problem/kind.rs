//! The registry of problem types: stable names, statuses and titles.

use axum::http::StatusCode;

/// A stable type of problem: `type` is `/problems/<slug>`, and clients may match on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemType {
    /// 400: a post id breaks the rules of identifiers.
    InvalidPostId,
    /// 400: a user id breaks the rules of identifiers.
    InvalidUserId,
    /// 400: the deployment has no such kind.
    UnknownKind,
    /// 400: the idempotency key is malformed.
    InvalidIdempotencyKey,
    /// 400: the body is malformed.
    InvalidBody,
    /// 413: the body is too large.
    BodyTooLarge,
    /// 415: the body is not JSON.
    UnsupportedMediaType,
    /// 400: a parameter is malformed.
    InvalidParameter,
    /// 400: the cursor is not ours.
    InvalidCursor,
    /// 404: no such post.
    UnknownPost,
    /// 404: no such path.
    NotFound,
    /// 405: the path takes other methods.
    MethodNotAllowed,
    /// 401: no credible caller.
    Unauthenticated,
    /// 403: a scope is missing.
    Forbidden,
    /// 409: the operation is too old to know whether it was applied.
    StaleOperation,
    /// 422: the idempotency key belongs to another request.
    KeyReused,
    /// 429: too many requests.
    RateLimited,
    /// 503: not now.
    Unavailable,
    /// 507: no room left.
    NoSpace,
    /// 503: no answer in time.
    Timeout,
    /// 500: a defect.
    Internal,
}

impl ProblemType {
    /// Every type, in the order of the documentation.
    pub const ALL: [Self; 21] = [
        Self::InvalidPostId,
        Self::InvalidUserId,
        Self::UnknownKind,
        Self::InvalidIdempotencyKey,
        Self::InvalidBody,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidParameter,
        Self::InvalidCursor,
        Self::UnknownPost,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::StaleOperation,
        Self::KeyReused,
        Self::RateLimited,
        Self::Unavailable,
        Self::NoSpace,
        Self::Timeout,
        Self::Internal,
    ];

    const fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::InvalidPostId => (400, "/problems/invalid-post-id", "Invalid post id"),
            Self::InvalidUserId => (400, "/problems/invalid-user-id", "Invalid user id"),
            Self::UnknownKind => (400, "/problems/unknown-kind", "Unknown reaction kind"),
            Self::InvalidIdempotencyKey => {
                (400, "/problems/invalid-idempotency-key", "Invalid idempotency key")
            }
            Self::InvalidBody => (400, "/problems/invalid-body", "Invalid body"),
            Self::BodyTooLarge => (413, "/problems/body-too-large", "Body too large"),
            Self::UnsupportedMediaType => {
                (415, "/problems/unsupported-media-type", "Unsupported media type")
            }
            Self::InvalidParameter => (400, "/problems/invalid-parameter", "Invalid parameter"),
            Self::InvalidCursor => (400, "/problems/invalid-cursor", "Invalid cursor"),
            Self::UnknownPost => (404, "/problems/unknown-post", "Unknown post"),
            Self::NotFound => (404, "/problems/not-found", "Not found"),
            Self::MethodNotAllowed => (405, "/problems/method-not-allowed", "Method not allowed"),
            Self::Unauthenticated => (401, "/problems/unauthenticated", "Not authenticated"),
            Self::Forbidden => (403, "/problems/forbidden", "Forbidden"),
            Self::StaleOperation => (409, "/problems/stale-operation", "Stale operation"),
            Self::KeyReused => (422, "/problems/key-reused", "Idempotency key reused"),
            Self::RateLimited => (429, "/problems/rate-limited", "Too many requests"),
            Self::Unavailable => (503, "/problems/unavailable", "Unavailable"),
            Self::NoSpace => (507, "/problems/no-space", "No space left"),
            Self::Timeout => (503, "/problems/timeout", "No answer in time"),
            Self::Internal => (500, "/problems/internal", "Internal error"),
        }
    }

    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        // Every row holds a valid code, which a test walks through.
        StatusCode::from_u16(self.row().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The `type` of the document, a relative reference such as `/problems/unknown-kind`.
    pub const fn uri(self) -> &'static str {
        self.row().1
    }

    /// The last part of the type, such as `unknown-kind`.
    pub fn slug(self) -> &'static str {
        self.uri().trim_start_matches("/problems/")
    }

    /// The same few words for every occurrence.
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// Whether an answer of this type carries `Retry-After`.
    pub const fn has_retry_after(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::NoSpace | Self::Timeout)
    }
}
