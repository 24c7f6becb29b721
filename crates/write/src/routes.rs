//! The requests that write.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, put};
use kudos_core::ports::Upserted;
use kudos_core::post::{MAX_BODY_BYTES, MAX_TITLE_BYTES};
use kudos_core::{Kind, Kinds, Operation, PostId, UserId};
use kudos_http::answer::{PostAnswer, ReactionAnswer, json};
use kudos_http::auth::{Caller, Scope};
use kudos_http::extract::{IdempotencyKey, Json, KindPath, PostPath};
use kudos_http::timestamp::Timestamp;
use kudos_http::{Problem, problem_responses};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::{Draft, WriteError, WriteService};

#[derive(Clone)]
struct Writes(Arc<WriteService>);

impl FromRef<Writes> for Arc<Kinds> {
    fn from_ref(writes: &Writes) -> Self {
        Arc::clone(writes.0.kinds())
    }
}

/// The routes of the reaction-write service.
pub fn routes(service: Arc<WriteService>) -> OpenApiRouter {
    router().with_state(Writes(service))
}

/// The description of these routes, for a process that serves it and not them.
pub fn openapi() -> OpenApi {
    router().into_openapi()
}

fn router() -> OpenApiRouter<Writes> {
    OpenApiRouter::new()
        .routes(routes!(put_post, delete_post))
        .routes(routes!(put_reaction))
        .routes(routes!(delete_reaction))
        // Many clients encode `@`, and paths are compared as they were sent.
        .route("/v1/posts/{post}/reactions/{kind}/%40me", put(put_reaction))
        .route("/v1/posts/{post}/reactions/%40me", delete(delete_reaction))
}

problem_responses! {
    /// What a write to reactions may answer.
    ReactionProblems: InvalidPostId, UnknownKind, InvalidIdempotencyKey, UnknownPost, Forbidden,
        StaleOperation, KeyReused, NoSpace
}

problem_responses! {
    /// What storing a post may answer.
    PostProblems: InvalidPostId, InvalidBody, BodyTooLarge, UnsupportedMediaType, Forbidden, NoSpace
}

problem_responses! {
    /// What hiding a post may answer.
    HideProblems: InvalidPostId, UnknownPost, Forbidden, NoSpace
}

/// A post to store.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PostBody {
    /// One line, not blank; 1 to 512 bytes, no control characters.
    #[schema(
        min_length = 1,
        max_length = 512,
        example = "Hello",
        pattern = r"^(?=.*\S)[^\x00-\x1f\x7f-\x9f]+$"
    )]
    title: String,
    /// The text; at most 65,536 bytes.
    #[serde(default)]
    #[schema(max_length = 65536)]
    body: String,
    /// Who wrote it; at most 128 bytes. Without one, the caller.
    #[schema(max_length = 128)]
    author: Option<String>,
    /// When it was written. Without one, what was stored before, or now.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
}

impl PostBody {
    fn check(&self) -> Result<(), Problem> {
        let too_long = |field: &str, text: &str, most: usize| {
            let detail = || format!("must have at most {most} bytes, and has {}", text.len());
            if text.len() > most { Err(Problem::body(field, detail())) } else { Ok(()) }
        };
        if self.title.trim().is_empty() {
            return Err(Problem::body("title", "must not be empty"));
        }
        if self.title.chars().any(char::is_control) {
            return Err(Problem::body("title", "must be one line without control characters"));
        }
        too_long("title", &self.title, MAX_TITLE_BYTES)?;
        too_long("body", &self.body, MAX_BODY_BYTES)?;
        too_long("author", self.author.as_deref().unwrap_or_default(), 128)
    }
}

/// Store or replace a post
#[utoipa::path(put, path = "/v1/posts/{post}", tag = "posts", params(PostPath),
    request_body = PostBody,
    responses(
        (status = 201, description = "Stored; it is new", body = PostAnswer),
        (status = 200, description = "Stored, or the same already", body = PostAnswer),
        PostProblems
    ))]
async fn put_post(
    State(Writes(service)): State<Writes>,
    PostPath(id): PostPath,
    caller: Caller,
    Json(body): Json<PostBody>,
) -> Result<Response, Problem> {
    let user = caller.require(Scope::PostsWrite)?;
    body.check()?;
    let PostBody { title, body, author, created_at } = body;
    let author = author.unwrap_or_else(|| user.as_str().to_owned());
    let created_at = created_at.map(|Timestamp(at)| at);
    let draft = Draft { id, title, body, author, created_at };
    let (post, upserted) = service.upsert(draft).await?;
    let status = match upserted {
        Upserted::Created => StatusCode::CREATED,
        Upserted::Updated | Upserted::Unchanged => StatusCode::OK,
    };
    Ok(json(status, &PostAnswer::from(&post)))
}

/// Hide a post everywhere
///
/// Its reactions are kept: storing the post again brings it back with them.
#[utoipa::path(delete, path = "/v1/posts/{post}", tag = "posts", params(PostPath),
    responses((status = 204, description = "Hidden"), HideProblems))]
async fn delete_post(
    State(Writes(service)): State<Writes>,
    PostPath(post): PostPath,
    caller: Caller,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::PostsWrite)?;
    service.hide(&post).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// React to a post
///
/// Replaces the caller's reaction, whatever it was. The same request again changes nothing.
#[utoipa::path(put, path = "/v1/posts/{post}/reactions/{kind}/@me", tag = "reactions",
    params(PostPath, KindPath, IdempotencyKey),
    responses(
        (status = 200, description = "Durable, and counted once", body = ReactionAnswer),
        ReactionProblems
    ))]
async fn put_reaction(
    State(Writes(service)): State<Writes>,
    PostPath(post): PostPath,
    KindPath(kind): KindPath,
    caller: Caller,
    key: Option<IdempotencyKey>,
) -> Result<Response, Problem> {
    react(&service, post, &caller, key, Some(kind)).await
}

/// Take a reaction back
#[utoipa::path(delete, path = "/v1/posts/{post}/reactions/@me", tag = "reactions",
    params(PostPath, IdempotencyKey),
    responses(
        (status = 200, description = "Durable, and counted once", body = ReactionAnswer),
        ReactionProblems
    ))]
async fn delete_reaction(
    State(Writes(service)): State<Writes>,
    PostPath(post): PostPath,
    caller: Caller,
    key: Option<IdempotencyKey>,
) -> Result<Response, Problem> {
    react(&service, post, &caller, key, None).await
}

async fn react(
    service: &WriteService,
    post: PostId,
    caller: &Caller,
    key: Option<IdempotencyKey>,
    want: Option<Kind>,
) -> Result<Response, Problem> {
    let user = caller.require(Scope::React)?.clone();
    let applied = service.react(operation(key, post, user, want, service)).await?;
    let answer = ReactionAnswer::written(service.kinds(), &applied.state.post, &applied.outcome);
    Ok(answer.into_response())
}

fn operation(
    key: Option<IdempotencyKey>,
    post: PostId,
    user: UserId,
    want: Option<Kind>,
    service: &WriteService,
) -> Operation {
    let at = service.clock().now();
    match key {
        Some(key) => Operation::keyed(key.as_str(), post, user, want, at),
        None => Operation::unkeyed(post, user, want, at),
    }
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::UnknownPost(post) => Self::UnknownPost(post),
            WriteError::Apply(error) => error.into(),
        }
    }
}
