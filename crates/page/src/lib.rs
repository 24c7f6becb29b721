//! The demo page, the reaction bar and the console (`web/`), embedded in the binary that serves reads.

mod console;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kudos_http::Problem;
use kudos_http::stack::{PAGE_CSP, compressed};
use rust_embed::RustEmbed;

pub use console::{Console, Itself, PATIENCE, SHARED_FOR, Service, Services};

#[derive(RustEmbed)]
#[folder = "../../web"]
#[exclude = "test/*"]
#[exclude = "**/node_modules/*"]
struct Web;

/// The page at `/`, the console at `/console`, their modules, and what the console shows.
pub fn routes(console: Console) -> Router {
    let mut router = Router::new()
        .route("/", get(async |headers: HeaderMap| file("index.html", &headers)))
        .route("/console", get(async |headers: HeaderMap| file("console.html", &headers)))
        .route("/console/figures", get(console::figures).with_state(console));
    for name in Web::iter() {
        let path = format!("/{name}");
        let serve = move |request: Request| {
            let response = file(&name, request.headers());
            async move { response }
        };
        router = router.route(&path, get(serve));
    }
    compressed(router)
}

fn file(name: &str, request: &HeaderMap) -> Response {
    let Some(file) = Web::get(name) else {
        return Problem::NotFound.into_response();
    };
    let hash: String =
        file.metadata.sha256_hash()[..8].iter().map(|b| format!("{b:02x}")).collect();
    let tag = format!("\"{hash}\"");
    if request.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let mut response = Response::new(Body::from(file.data));
    let headers = response.headers_mut();
    let mut set = |name, value: &str| {
        // Hashes and media types are plain ASCII.
        HeaderValue::from_str(value).map(|value| headers.insert(name, value)).ok();
    };
    set(CONTENT_TYPE, media_type(name));
    set(ETAG, &tag);
    set(CACHE_CONTROL, "no-cache");
    set(CONTENT_SECURITY_POLICY, PAGE_CSP);
    if name.ends_with(".js") {
        // Anyone's page may load the reaction bar; calling the API from there is another setting.
        set(ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    }
    response
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
