//! Problems for what no handler sees.

use std::any::Any;

use super::Problem;

/// Answers a path that no route has.
pub(crate) async fn not_found() -> Problem {
    Problem::NotFound
}

/// Answers a method that the route does not have; the router adds `Allow`.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::MethodNotAllowed
}

/// Answers for a handler that panicked.
pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Problem {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text");
    tracing::error!(panic = text, "a handler panicked");
    Problem::Internal
}
