//! What answers tell a browser.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::Response;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate, SizeAbove};

/// What a page may load: its own files, and images that are part of them.
pub const PAGE_CSP: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; \
                            base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

/// An answer that fits two packets gains nothing from being packed.
const WORTH_PACKING: u64 = 2048;

/// Adds what keeps a browser from doing more with an answer than it is for. A policy that the
/// route has set stays.
pub(super) fn secure(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let html =
        headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if html {
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(PAGE_CSP));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    }
}

/// Packs the larger answers of these routes, for clients that take gzip. For pages and listings:
/// the small answers of a hot path would pay and gain nothing. Event streams stay as they are.
pub fn compressed<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    let worth = DefaultPredicate::new().and(SizeAbove::new(WORTH_PACKING));
    router.layer(CompressionLayer::new().compress_when(worth))
}
