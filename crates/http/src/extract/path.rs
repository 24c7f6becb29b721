//! What a path names.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use kudos_core::kind::Kinds;
use kudos_core::{Kind, PostId};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::problem::Problem;

/// The `{post}` of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostPath(pub PostId);

/// The `{kind}` of the path, one of the deployment's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindPath(pub Kind);

async fn raw<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, Problem> {
    RawPathParams::from_request_parts(parts, state)
        .await
        // The only refusal that a request can cause is a percent-encoding that is not UTF-8.
        .map_err(|refused| Problem::parameter("path", refused.body_text()))
}

fn find<'a>(params: &'a RawPathParams, name: &'static str) -> Result<&'a str, Problem> {
    params
        .iter()
        .find_map(|(key, value)| (key == name).then_some(value))
        .ok_or_else(|| Problem::internal(&format_args!("a route without {{{name}}}")))
}

impl<S: Send + Sync> FromRequestParts<S> for PostPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = raw(parts, state).await?;
        PostId::new(find(&params, "post")?).map(Self).map_err(Problem::InvalidPostId)
    }
}

impl<S> FromRequestParts<S> for KindPath
where
    S: Send + Sync,
    Arc<Kinds>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = raw(parts, state).await?;
        let kinds = Arc::<Kinds>::from_ref(state);
        match kinds.find(find(&params, "kind")?) {
            Some(kind) => Ok(Self(kind)),
            None => Err(Problem::UnknownKind(kinds)),
        }
    }
}

/// The rule of a post's id, for a description of the API.
pub fn post_id_schema() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(128))
        .pattern(Some(r"^[^\x00-\x1f\x7f-\x9f{}/\\]+$"))
}

fn parameter(name: &str, description: &str, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

impl IntoParams for PostPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let rule = "The post: 1 to 128 bytes of UTF-8 without control characters, braces, slashes \
                    or backslashes.";
        vec![parameter("post", rule, post_id_schema().examples(["post-1"]))]
    }
}

impl IntoParams for KindPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let rule = "The kind of the reaction, one of the deployment's.";
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(32))
            .pattern(Some("^[a-z0-9_-]+$"))
            .examples(["like"]);
        vec![parameter("kind", rule, schema)]
    }
}
