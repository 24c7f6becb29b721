//! JSON bodies: a refusal is a problem of the client's, and never long.
#![no_main]

use axum::response::IntoResponse;
use kudos_core::PostId;
use kudos_http::extract::Json;
use kudos_http::timestamp::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;

/// Every kind of field that a body of the API has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only reading matters")]
struct Body {
    title: String,
    created_at: Option<Timestamp>,
    #[serde(default)]
    posts: Vec<PostId>,
    nested: Option<Box<Body>>,
}

fuzz_target!(|body: &[u8]| {
    if let Err(problem) = Json::<Body>::parse(body) {
        assert!(problem.into_response().status().is_client_error());
    }
});
