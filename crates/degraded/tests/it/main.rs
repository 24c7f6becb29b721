//! What each piece promises, on paused time.

mod best_effort;
mod breaker;
mod breaker_calls;
mod bulkhead;
mod deadline;
mod fallback;
mod layers;
mod observe;
mod registry;
mod retry;
mod support;
