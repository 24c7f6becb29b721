//! What each piece promises, on paused time.

mod best_effort;
mod breaker;
mod bulkhead;
mod deadline;
mod fallback;
mod layers;
mod registry;
mod retry;
mod support;
