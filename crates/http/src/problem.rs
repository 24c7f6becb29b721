//! Every failure that a client can see, as RFC 9457 problem documents.

mod convert;
mod document;
mod fallback;
mod kind;
mod responses;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kudos_core::kind::Kinds;
use kudos_core::{IdError, PostId};

use crate::auth::{AuthFailure, Scope};

pub use document::{PROBLEM_JSON, ProblemDocument};
pub(crate) use fallback::{method_not_allowed, not_found, panicked};
pub use kind::ProblemType;
pub use responses::{COMMON, responses};

/// What went wrong, as far as the client may know. Each variant is one [`ProblemType`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The post in the path or body is no identifier.
    #[error("{0}")]
    InvalidPostId(IdError),
    /// The user's name is no identifier; the field says where it was given.
    #[error("{reason}")]
    InvalidUserId {
        /// The header or claim.
        field: &'static str,
        /// What is wrong with it.
        reason: UserIdFault,
    },
    /// The deployment has no such kind.
    #[error("is not a kind of this deployment")]
    UnknownKind(Arc<Kinds>),
    /// The `Idempotency-Key` header is not 1 to 128 bytes of visible ASCII.
    #[error("must be given once, as 1 to {MAX_KEY_BYTES} bytes of visible ASCII")]
    InvalidIdempotencyKey,
    /// The body is not what the operation takes.
    #[error("{detail}")]
    InvalidBody {
        /// The path of the field, such as `posts[3]`; `.` is the body itself.
        field: String,
        /// What is wrong with it.
        detail: Cow<'static, str>,
    },
    /// The body is larger than the server takes, in bytes.
    #[error("the body must have at most {limit} bytes")]
    BodyTooLarge {
        /// The most bytes.
        limit: usize,
    },
    /// The body is not declared to be JSON.
    #[error("the body must be sent as application/json")]
    UnsupportedMediaType,
    /// A path, query or header parameter is not what the operation takes.
    #[error("{detail}")]
    InvalidParameter {
        /// The name of the parameter.
        field: Cow<'static, str>,
        /// What is wrong with it.
        detail: Cow<'static, str>,
    },
    /// The cursor was not made by this deployment for this listing, or was changed.
    #[error("the cursor is not one that this listing gave out; start again without it")]
    InvalidCursor,
    /// No such post was ingested, or it was deleted.
    #[error("the post {0:?} is not known")]
    UnknownPost(PostId),
    /// There is nothing at this path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path takes other methods, named by `Allow`.
    #[error("this path does not take this method; see the Allow header")]
    MethodNotAllowed,
    /// Nobody, or nobody credible, is calling.
    #[error("{0}")]
    Unauthenticated(AuthFailure),
    /// The caller is known, and lacks a scope.
    #[error("this needs the scope `{0}`")]
    Forbidden(Scope),
    /// The operation is older than those remembered: whether it was applied is not known.
    #[error("operations newer than this one have been forgotten already: read, then decide anew")]
    StaleOperation,
    /// The idempotency key was used for another request.
    #[error("this Idempotency-Key was used for another request on this post; take a new one")]
    KeyReused,
    /// Too many requests.
    #[error("too many requests: {policy}")]
    RateLimited {
        /// Which limit it was, in words.
        policy: RatePolicy,
        /// When the next request is taken.
        retry_after: Duration,
    },
    /// The service cannot answer now.
    #[error("the service cannot answer this now")]
    Unavailable {
        /// When a retry is likely to be taken.
        retry_after: Duration,
    },
    /// There is no room left to store anything; reads go on.
    #[error("there is no room left to store this; reading goes on")]
    NoSpace,
    /// No answer within the time given. A write may have been applied: the same request under the
    /// same idempotency key tells.
    #[error("no answer within the time given; the same request can safely be sent again")]
    Timeout,
    /// A defect. What it was is in the log only.
    #[error("something went wrong on our side; it was logged")]
    Internal,
}

/// The longest idempotency key, in bytes.
pub const MAX_KEY_BYTES: usize = 128;

/// Why a user's name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserIdFault {
    /// It is no identifier.
    #[error(transparent)]
    Id(#[from] IdError),
    /// It is not UTF-8.
    #[error("must be UTF-8")]
    NotText,
    /// It was given more than once, so that a gateway and a client may disagree on who is calling.
    #[error("must be given once")]
    Repeated,
}

/// What a rate limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatePolicy {
    /// Writes of one user.
    WritesPerUser,
    /// Requests from one client address.
    RequestsPerAddress,
}

impl RatePolicy {
    /// The name of the policy in the `RateLimit` headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WritesPerUser => "user-writes",
            Self::RequestsPerAddress => "address-requests",
        }
    }
}

impl fmt::Display for RatePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WritesPerUser => "writes of one user",
            Self::RequestsPerAddress => "requests from one address",
        })
    }
}

impl Problem {
    /// Logs a defect once and hides it from the client.
    pub fn internal(cause: &dyn fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed on a defect");
        Self::Internal
    }

    /// A parameter that is not what the operation takes.
    pub fn parameter(
        field: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::InvalidParameter { field: field.into(), detail: detail.into() }
    }

    /// A body of which one field is not what the operation takes.
    pub fn body(field: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::InvalidBody { field: field.into(), detail: detail.into() }
    }

    /// The stable type of the problem.
    pub fn problem_type(&self) -> ProblemType {
        match self {
            Self::InvalidPostId(_) => ProblemType::InvalidPostId,
            Self::InvalidUserId { .. } => ProblemType::InvalidUserId,
            Self::UnknownKind(_) => ProblemType::UnknownKind,
            Self::InvalidIdempotencyKey => ProblemType::InvalidIdempotencyKey,
            Self::InvalidBody { .. } => ProblemType::InvalidBody,
            Self::BodyTooLarge { .. } => ProblemType::BodyTooLarge,
            Self::UnsupportedMediaType => ProblemType::UnsupportedMediaType,
            Self::InvalidParameter { .. } => ProblemType::InvalidParameter,
            Self::InvalidCursor => ProblemType::InvalidCursor,
            Self::UnknownPost(_) => ProblemType::UnknownPost,
            Self::NotFound => ProblemType::NotFound,
            Self::MethodNotAllowed => ProblemType::MethodNotAllowed,
            Self::Unauthenticated(_) => ProblemType::Unauthenticated,
            Self::Forbidden(_) => ProblemType::Forbidden,
            Self::StaleOperation => ProblemType::StaleOperation,
            Self::KeyReused => ProblemType::KeyReused,
            Self::RateLimited { .. } => ProblemType::RateLimited,
            Self::Unavailable { .. } => ProblemType::Unavailable,
            Self::NoSpace => ProblemType::NoSpace,
            Self::Timeout => ProblemType::Timeout,
            Self::Internal => ProblemType::Internal,
        }
    }
}
