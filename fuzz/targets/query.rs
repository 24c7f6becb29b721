//! Query parameters: a refusal is a problem of the client's.
#![no_main]

use axum::response::IntoResponse;
use kudos_core::Window;
use kudos_http::extract::Query;
use kudos_query::Sort;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;

/// Every kind of parameter that the API has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only reading matters")]
struct Parameters {
    #[serde(default)]
    q: String,
    sort: Option<Sort>,
    #[serde(default)]
    window: Window,
    limit: Option<usize>,
    cursor: Option<String>,
}

fuzz_target!(|query: &str| {
    if let Err(problem) = Query::<Parameters>::parse(query) {
        assert!(problem.into_response().status().is_client_error());
    }
});
