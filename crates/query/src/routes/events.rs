//! Live events.

use std::collections::HashSet;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use kudos_core::PostId;
use kudos_http::auth::Caller;
use kudos_http::extract::{LastEventId, Query};
use kudos_http::{Problem, problem_responses};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Queries;

/// The most posts that one stream may name.
const MAX_POSTS: usize = 100;

problem_responses! {
    /// What opening a stream may answer.
    pub(super) EventProblems: InvalidPostId
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Only events of these posts: at most 100, each percent-encoded, joined by commas.
    #[allow(dead_code, reason = "read from the raw query: ids may contain commas")]
    posts: Option<String>,
}

/// Counts as they change
///
/// Server-sent events: `counts` with `{post, counts, total, version}`, the newest state of each
/// post that changed; `reset` when events were missed that cannot be sent any more: then read the
/// counts anew. Continue behind the last id with `Last-Event-ID`.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventsQuery, LastEventId),
    responses(
        (status = 200, description = "A stream", body = String, content_type = "text/event-stream"),
        EventProblems
    ))]
pub(super) async fn events(
    State(Queries { hub, streams, .. }): State<Queries>,
    RawQuery(raw): RawQuery,
    Query(EventsQuery { .. }): Query<EventsQuery>,
    last: Option<LastEventId>,
    _caller: Caller,
) -> Result<Response, Problem> {
    let posts = wanted(raw.as_deref().unwrap_or_default())?;
    let (client, response) = streams.open()?;
    let (news, after) = (hub.subscribe(), last.map(|LastEventId(at)| at));
    // Ends with the client or the process, whichever goes first.
    tokio::spawn(async move { hub.feed(news, &client, after, posts).await });
    Ok(response)
}

/// The posts named in the query, split at the commas that are not percent-encoded.
fn wanted(query: &str) -> Result<Option<HashSet<PostId>>, Problem> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("posts="));
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let mut posts = HashSet::new();
    for (at, part) in value.split(',').enumerate() {
        if at == MAX_POSTS {
            return Err(Problem::parameter("posts", "must name at most 100 posts"));
        }
        let Query(One { id }) = Query::<One>::parse(&format!("id={part}"))?;
        let post = PostId::new(&id);
        posts.insert(post.map_err(Problem::InvalidPostId)?);
    }
    Ok(Some(posts))
}

#[derive(Deserialize)]
struct One {
    id: String,
}
