//! Query parameters.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::clip;
use crate::problem::Problem;

/// The query as `T`, which should refuse unknown fields. A refusal names the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> Query<T> {
    /// Reads the part of a URL behind the question mark.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        // The decoder of forms would replace bytes that are not UTF-8 in silence.
        if percent_decode_str(query).decode_utf8().is_err() {
            return Err(Problem::parameter("query", "must be UTF-8"));
        }
        let pairs = form_urlencoded::parse(query.as_bytes());
        let reader = serde_urlencoded::Deserializer::new(pairs);
        match serde_path_to_error::deserialize(reader) {
            Ok(value) => Ok(Self(value)),
            Err(error) => {
                let field = match error.path().to_string() {
                    root if root == "." => "query".to_owned(),
                    path => clip(path),
                };
                Err(Problem::parameter(field, clip(error.inner().to_string())))
            }
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}
