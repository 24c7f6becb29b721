//! Entity tags, so that an unchanged answer costs no body.

use std::fmt::Write;

use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kudos_core::Version;

use crate::answer::Source;

/// A weak entity tag. Weak, because `as_of` may move on while what the answer says stays the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag of a post's counts as one user sees them: it changes with the version, with what
    /// the user holds, with the number of kinds, and with who answered.
    pub fn of_counts(
        version: Version,
        mine: Option<&str>,
        kinds: usize,
        source: Source,
        degraded: bool,
    ) -> Self {
        let mut tag = String::with_capacity(48);
        let (mine, mark) = (mine.unwrap_or(""), if degraded { "!" } else { "" });
        // Writing to a String cannot fail. Kinds are of [a-z0-9_-], so nothing needs quoting.
        let _ = write!(tag, "W/\"{}.{kinds}.{mine}.{}{mark}\"", version.0, source.as_str());
        Self(tag)
    }

    /// Whether the client holds this representation, by weak comparison with `If-None-Match`.
    pub fn matches(&self, request: &HeaderMap) -> bool {
        let opaque = self.0.trim_start_matches("W/");
        request
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/") == opaque)
    }

    /// The tag's text, quotes included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// 304 if the client holds this representation already, else what `answer` makes. Both carry
    /// the tag, and may be kept by the client itself only, to be asked for again.
    pub fn conditional(&self, request: &HeaderMap, answer: impl FnOnce() -> Response) -> Response {
        let mut response =
            if self.matches(request) { StatusCode::NOT_MODIFIED.into_response() } else { answer() };
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&self.0) {
            headers.insert(ETAG, tag);
        }
        let user_only = HeaderValue::from_static("private, no-cache");
        headers.insert(CACHE_CONTROL, user_only);
        let vary = HeaderValue::from_static("x-user-id, authorization");
        headers.insert(VARY, vary);
        response
    }
}
