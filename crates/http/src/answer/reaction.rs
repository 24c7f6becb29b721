//! The answer to a write, or to a read of one post's counts.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use kudos_core::kind::Kinds;
use kudos_core::{Kind, Outcome, PostId, PostState};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Provenance, Source, Tally, json};
use crate::etag::ETag;
use crate::timestamp::Timestamp;

/// The counts of a post, and what the caller holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReactionAnswer<'a> {
    /// The post.
    #[schema(value_type = String, example = "post-1")]
    pub post: &'a PostId,
    /// How many users hold each kind: every configured kind, in order.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub counts: Tally<'a>,
    /// The sum of the counts.
    pub total: u64,
    /// What the caller holds; null if nothing, or if nobody is named.
    pub mine: Option<&'a str>,
    /// Whether the write changed anything; a retry says what its first sending said. Absent of
    /// reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub changed: Option<bool>,
    /// Counts the changes of the post: of two answers the higher is newer.
    pub version: u64,
    /// Which copy answered.
    pub source: Source,
    /// The moment whose state this is.
    pub as_of: Timestamp,
    /// Whether a better copy should have answered.
    pub degraded: bool,
}

impl<'a> ReactionAnswer<'a> {
    /// The answer to a write, straight from the truth.
    pub fn written(kinds: &'a Kinds, post: &'a PostId, outcome: &'a Outcome) -> Self {
        let counts = Tally::new(kinds, &outcome.counts);
        Self {
            post,
            counts,
            total: counts.total(),
            mine: counts.name(outcome.mine),
            changed: Some(outcome.changed),
            version: outcome.version.0,
            source: Source::Truth,
            as_of: outcome.at.into(),
            degraded: false,
        }
    }

    /// The answer to a read.
    pub fn read(
        kinds: &'a Kinds,
        state: &'a PostState,
        mine: Option<Kind>,
        from: Provenance,
    ) -> Self {
        let counts = Tally::new(kinds, &state.counts);
        Self {
            post: &state.post,
            counts,
            total: counts.total(),
            mine: counts.name(mine),
            changed: None,
            version: state.version.0,
            source: from.source,
            as_of: from.as_of.into(),
            degraded: from.degraded,
        }
    }

    /// The entity tag of a read.
    pub fn etag(&self) -> ETag {
        let version = kudos_core::Version(self.version);
        ETag::of_counts(version, self.mine, self.counts.kinds(), self.source, self.degraded)
    }

    /// The answer to a conditional read: 304 if the client holds it already.
    pub fn conditional(&self, request: &HeaderMap) -> Response {
        self.etag().conditional(request, || json(StatusCode::OK, self))
    }
}

impl IntoResponse for ReactionAnswer<'_> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self)
    }
}
