//! Extractors whose refusals are [`Problem`](crate::Problem)s that name the field and the limit.

mod headers;
mod json;
mod path;
mod query;

pub(crate) use headers::single;
pub use headers::{IdempotencyKey, LastEventId};
pub use json::{BodyLimit, DEFAULT_BODY_LIMIT, Json};
pub use path::{KindPath, PostPath, post_id_schema};
pub use query::Query;

/// The most bytes of a parser's message that go into an answer, since it may quote its input.
const MAX_DETAIL_BYTES: usize = 300;

/// Cuts a parser's message at [`MAX_DETAIL_BYTES`].
fn clip(mut text: String) -> String {
    if text.len() > MAX_DETAIL_BYTES {
        text.truncate(text.floor_char_boundary(MAX_DETAIL_BYTES));
        text.push('…');
    }
    text
}
