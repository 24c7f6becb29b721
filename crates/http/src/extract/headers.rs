//! What headers carry.

use axum::extract::OptionalFromRequestParts;
use axum::http::header::AsHeaderName;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use kudos_core::ports::Position;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::problem::{MAX_KEY_BYTES, Problem};

/// The `Idempotency-Key` header: 1 to [`MAX_KEY_BYTES`] bytes of visible ASCII. Handlers take
/// `Option<IdempotencyKey>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Box<str>);

impl IdempotencyKey {
    /// Checks the text of the header.
    pub fn new(text: &str) -> Result<Self, Problem> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=MAX_KEY_BYTES).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(Problem::InvalidIdempotencyKey)
        }
    }

    /// The key as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The `Last-Event-ID` header: where the client's stream of events broke off. Handlers take
/// `Option<LastEventId>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEventId(pub Position);

/// A header that was given more than once.
pub(crate) struct Repeated;

/// The only value of a header.
pub(crate) fn single(
    headers: &HeaderMap,
    name: impl AsHeaderName,
) -> Result<Option<&HeaderValue>, Repeated> {
    let mut values = headers.get_all(name).into_iter();
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(Repeated),
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        let invalid = || Problem::InvalidIdempotencyKey;
        match single(&parts.headers, "idempotency-key").map_err(|_| invalid())? {
            None => Ok(None),
            Some(value) => Self::new(value.to_str().map_err(|_| invalid())?).map(Some),
        }
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        const NAME: &str = "Last-Event-ID";
        let value = single(&parts.headers, "last-event-id")
            .map_err(|_| Problem::parameter(NAME, "must be given once"))?;
        // A browser sends the header empty when it has seen no id.
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let text = value.to_str().map_err(|_| Problem::parameter(NAME, "must be visible ASCII"))?;
        match text.parse() {
            Ok(position) => Ok(Some(Self(position))),
            Err(error) => Err(Problem::parameter(NAME, format!("{error}"))),
        }
    }
}

fn parameter(name: &str, description: &str, schema: ObjectBuilder) -> Vec<Parameter> {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema.schema_type(Type::String).min_length(Some(1))));
    vec![parameter.build()]
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = ObjectBuilder::new().max_length(Some(MAX_KEY_BYTES)).pattern(Some("^[!-~]+$"));
        let rule = "Names the operation: the same request under the same key is applied once. The \
                    key belongs to the user and the post.";
        parameter("Idempotency-Key", rule, schema)
    }
}

impl IntoParams for LastEventId {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = ObjectBuilder::new().pattern(Some(r"^[0-9]{1,19}(\.[0-9]{1,19}){0,255}$"));
        let rule = "The id of the last event that was received: the stream continues behind it.";
        parameter("Last-Event-ID", rule, schema)
    }
}
