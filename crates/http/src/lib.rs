//! The HTTP vocabulary that every Kudos router shares: problems, extractors, callers, cursors,
//! answers, limits, the middleware stack, server-sent events and the OpenAPI document.
//!
//! A service builds an [`OpenApiRouter`](utoipa_axum::router::OpenApiRouter) whose handlers take
//! the extractors of [`extract`] and [`auth`] and return the answers of [`answer`] or a
//! [`Problem`]. It is wrapped once by a [`gate::Gate`] (address limit, who is calling, user
//! limit); the process merges its services and wraps them once by a [`stack::Stack`].
//!
//! | question | module |
//! |---|---|
//! | which errors are there, and how are they documented? | [`problem`] |
//! | how are paths, queries, bodies and keys read? | [`extract`] |
//! | who is calling, and what may they do? | [`auth`] |
//! | what do answers look like, and when is one a 304? | [`answer`], [`etag`] |
//! | how does a page continue? | [`cursor`] |
//! | what can be set for browsers? | [`api`] |
//! | who is slowed down? | [`limit`], [`gate`] |
//! | what happens around every request? | [`stack`] |
//! | how are events streamed? | [`sse`] |
//! | where is the API described? | [`openapi`] |
//! | what if another process serves a part of it? | [`elsewhere()`] |

pub mod answer;
pub mod api;
pub mod auth;
pub mod cursor;
mod elsewhere;
pub mod etag;
pub mod extract;
pub mod gate;
pub mod limit;
pub mod openapi;
pub mod problem;
pub mod sse;
pub mod stack;
pub mod timestamp;

pub use elsewhere::elsewhere;
pub use problem::{Problem, ProblemType};
