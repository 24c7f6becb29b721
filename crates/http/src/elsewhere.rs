//! Requests that another process behind the same address serves.

use axum::Router;
use axum::routing::{MethodFilter, on};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::PathItem;

use crate::problem::not_found;

/// The routes of a description, served by another process. What comes here all the same is not
/// found; a method that no process serves is refused as if this one served all the others.
pub fn elsewhere(document: &OpenApi) -> Router {
    let paths = document.paths.paths.iter();
    let routes = paths.filter_map(|(path, item)| Some((path, methods(item)?)));
    routes.fold(Router::new(), |router, (path, methods)| router.route(path, on(methods, not_found)))
}

fn methods(item: &PathItem) -> Option<MethodFilter> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let declared = [
        (get, MethodFilter::GET),
        (put, MethodFilter::PUT),
        (post, MethodFilter::POST),
        (delete, MethodFilter::DELETE),
        (patch, MethodFilter::PATCH),
    ];
    let declared = declared.into_iter().filter(|(operation, _)| operation.is_some());
    declared.map(|(_, method)| method).reduce(MethodFilter::or)
}
