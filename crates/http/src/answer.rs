//! The answers that both services give, serialised once, without intermediate values.

mod listing;
mod reaction;
mod tally;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kudos_core::Millis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use listing::{
    BatchAnswer, BatchItem, PostAnswer, ReactorItem, ReactorsAnswer, SearchAnswer, SearchItem,
};
pub use reaction::ReactionAnswer;
pub use tally::Tally;

use crate::problem::Problem;

/// Which copy answered, by its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The source of truth: exact.
    Truth,
    /// The live counts.
    Live,
    /// The search index, a second or two old.
    Index,
    /// The time order, without counts to rank by.
    Time,
}

impl Source {
    /// The name as it is in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truth => "truth",
            Self::Live => "live",
            Self::Index => "index",
            Self::Time => "time",
        }
    }
}

/// Where an answer comes from and how fresh it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provenance {
    /// Which copy answered.
    pub source: Source,
    /// The moment whose state it shows.
    pub as_of: Millis,
    /// Whether a better copy should have answered, or part of the answer is missing.
    pub degraded: bool,
}

/// Enough for a reaction answer of six kinds, so that its buffer never grows.
const TYPICAL_BYTES: usize = 384;

/// Writes `answer` as a JSON response.
pub fn json<T: Serialize>(status: StatusCode, answer: &T) -> Response {
    let mut body = Vec::with_capacity(TYPICAL_BYTES);
    if let Err(error) = serde_json::to_writer(&mut body, answer) {
        return Problem::internal(&error).into_response();
    }
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
