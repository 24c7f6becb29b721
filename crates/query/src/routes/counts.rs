//! Posts, counts, and who reacted.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use kudos_core::{Kind, PostId, UserId};
use kudos_http::answer::{
    BatchAnswer, BatchItem, PostAnswer, ReactionAnswer, ReactorItem, ReactorsAnswer,
};
use kudos_http::auth::Caller;
use kudos_http::extract::{Json, PostPath, Query, post_id_schema};
use kudos_http::{Problem, problem_responses};
use serde::Deserialize;
use serde_json::json;
use utoipa::openapi::schema::{Array, ArrayBuilder};
use utoipa::{IntoParams, ToSchema};

use super::Queries;

/// The most posts of a batch.
const MAX_BATCH: usize = 100;

problem_responses! {
    /// What reading a post may answer.
    pub(super) ReadProblems: InvalidPostId, UnknownPost
}

problem_responses! {
    /// What reading who reacted may answer.
    pub(super) ReactorsProblems: InvalidPostId, UnknownKind, InvalidCursor, UnknownPost
}

problem_responses! {
    /// What reading several posts may answer.
    pub(super) BatchProblems: InvalidPostId, InvalidBody, BodyTooLarge, UnsupportedMediaType
}

/// A post
#[utoipa::path(get, path = "/v1/posts/{post}", tag = "posts", params(PostPath),
    responses((status = 200, description = "The post", body = PostAnswer), ReadProblems))]
pub(super) async fn get_post(
    State(Queries { service, .. }): State<Queries>,
    PostPath(post): PostPath,
    _caller: Caller,
) -> Result<Response, Problem> {
    let stored = service.post(&post).await?;
    Ok(PostAnswer::from(&stored).into_response())
}

/// The counts of a post, and what the caller holds
#[utoipa::path(get, path = "/v1/posts/{post}/reactions", tag = "reactions",
    params(PostPath, ("If-None-Match" = Option<String>, Header,
        description = "The entity tag of an earlier answer: 304 if nothing changed.")),
    responses(
        (status = 200, description = "The counts", body = ReactionAnswer,
            headers(("ETag" = String, description = "Changes with the counts and the caller's reaction"))),
        (status = 304, description = "Nothing changed"),
        ReadProblems
    ))]
pub(super) async fn get_counts(
    State(Queries { service, .. }): State<Queries>,
    PostPath(post): PostPath,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (state, mine, from) = service.counts_of(&post, caller.user.as_ref()).await?;
    Ok(ReactionAnswer::read(service.kinds(), &state, mine, from).conditional(&headers))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ReactorsQuery {
    /// Only users who hold this kind.
    kind: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// The most users, 1 to 100.
    #[serde(default = "default_limit")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: usize,
}

fn default_limit() -> usize {
    50
}

/// Who reacted
#[utoipa::path(get, path = "/v1/posts/{post}/reactions/users", tag = "reactions",
    params(PostPath, ReactorsQuery),
    responses(
        (status = 200, description = "Users in the order of their ids", body = ReactorsAnswer),
        ReactorsProblems
    ))]
pub(super) async fn get_reactors(
    State(Queries { service, .. }): State<Queries>,
    PostPath(post): PostPath,
    Query(query): Query<ReactorsQuery>,
    _caller: Caller,
) -> Result<Response, Problem> {
    let limit = page_limit(query.limit)?;
    let kind = query.kind.as_deref().map(|name| {
        let unknown = || Problem::UnknownKind(std::sync::Arc::clone(service.kinds()));
        service.kinds().find(name).ok_or_else(unknown)
    });
    let kind: Option<Kind> = kind.transpose()?;
    let purpose = format!("reactors {post} {kind:?}");
    let open = |cursor: &str| service.cursors.open::<UserId>(&purpose, cursor);
    let after =
        query.cursor.as_deref().map(open).transpose().map_err(|_| Problem::InvalidCursor)?;
    let page = service.reactors(&post, kind, after.as_ref(), limit).await?;
    let seal = |user: &UserId| service.cursors.seal(&purpose, user);
    let next = page.next.as_ref().map(seal).transpose().map_err(|e| Problem::internal(&e))?;
    let users = page.reactors.iter().map(|user| ReactorItem::new(service.kinds(), user)).collect();
    Ok(ReactorsAnswer { users, next_cursor: next }.into_response())
}

pub(super) fn page_limit(limit: usize) -> Result<usize, Problem> {
    match limit {
        1..=100 => Ok(limit),
        _ => Err(Problem::parameter("limit", "must be 1 to 100")),
    }
}

/// Posts to read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchBody {
    #[schema(schema_with = post_list)]
    posts: Vec<String>,
}

fn post_list() -> Array {
    ArrayBuilder::new()
        .items(post_id_schema())
        .min_items(Some(1))
        .max_items(Some(MAX_BATCH))
        .description(Some("1 to 100 posts."))
        .examples([json!(["post-1", "post-2"])])
        .build()
}

/// The counts of several posts
#[utoipa::path(post, path = "/v1/reactions:batchGet", tag = "reactions", request_body = BatchBody,
    responses(
        (status = 200, description = "Known posts in the order asked", body = BatchAnswer),
        BatchProblems
    ))]
pub(super) async fn batch_get(
    State(Queries { service, .. }): State<Queries>,
    caller: Caller,
    Json(BatchBody { posts }): Json<BatchBody>,
) -> Result<Response, Problem> {
    if posts.is_empty() || posts.len() > MAX_BATCH {
        return Err(Problem::body("posts", "must name 1 to 100 posts"));
    }
    let id = |(at, text): (usize, &String)| {
        PostId::new(text).map_err(|error| Problem::post_id_at(format!("posts[{at}]"), &error))
    };
    let posts: Vec<PostId> = posts.iter().enumerate().map(id).collect::<Result<_, _>>()?;
    let read = service.counts_of_many(&posts, caller.user.as_ref()).await?;
    let kinds = service.kinds();
    let known = read.states.iter().zip(&read.mine);
    let rows = known.filter_map(|(state, mine)| Some((state.as_ref()?, *mine)));
    let rows = rows.map(|(state, mine)| BatchItem::new(kinds, state, mine)).collect();
    Ok(BatchAnswer::new(rows, read.from).into_response())
}
