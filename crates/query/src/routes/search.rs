//! Search.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use kudos_core::Window;
use kudos_http::answer::{SearchAnswer, SearchItem};
use kudos_http::auth::Caller;
use kudos_http::extract::Query;
use kudos_http::{Problem, problem_responses};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Queries;
use super::counts::page_limit;
use crate::search::{SearchRequest, Sort};

/// The longest text to search for, in bytes.
const MAX_TEXT_BYTES: usize = 256;

problem_responses! {
    /// What a search may answer.
    pub(super) SearchProblems: InvalidCursor
}

/// The names of windows.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used: core knows no OpenAPI")]
enum WindowName {
    #[schema(rename = "all")]
    All,
    #[schema(rename = "7d")]
    Week,
    #[schema(rename = "24h")]
    Day,
    #[schema(rename = "1h")]
    Hour,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchQuery {
    /// Words of the title or the text; all must occur. At most 256 bytes.
    #[serde(default)]
    #[param(max_length = 256)]
    q: String,
    /// The order. Without one, `relevance` with words and `popular` without.
    #[param(inline)]
    sort: Option<Sort>,
    /// Only posts written within it.
    #[serde(default)]
    #[param(value_type = WindowName, inline, default = "all", required = false)]
    window: Window,
    /// The most posts, 1 to 100.
    #[serde(default = "default_limit")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: usize,
    /// `next_cursor` of the page before, with the same other parameters.
    cursor: Option<String>,
}

fn default_limit() -> usize {
    20
}

/// Find and rank posts
///
/// `source` says what ranked them: `live` counts, the `index` (about two seconds old) if they are
/// out, or `time` order if that is out too.
#[utoipa::path(get, path = "/v1/search", tag = "search", params(SearchQuery),
    responses((status = 200, description = "One page of posts", body = SearchAnswer), SearchProblems))]
pub(super) async fn search(
    State(Queries { service, .. }): State<Queries>,
    Query(query): Query<SearchQuery>,
    _caller: Caller,
) -> Result<Response, Problem> {
    if query.q.len() > MAX_TEXT_BYTES {
        return Err(Problem::parameter("q", "must have at most 256 bytes"));
    }
    let text = query.q.trim().to_owned();
    let default = if text.is_empty() { Sort::Popular } else { Sort::Relevance };
    let request = SearchRequest {
        text,
        sort: query.sort.unwrap_or(default),
        window: query.window,
        limit: page_limit(query.limit)?,
        cursor: query.cursor,
    };
    let page = service.search(&request).await?;
    let kinds = service.kinds();
    let rows = page.posts.iter().map(|(post, state)| SearchItem::new(kinds, post, state));
    let answer = SearchAnswer::new(rows.collect(), page.from, page.next_cursor);
    let answer = match page.note {
        Some(note) => answer.with_note(note),
        None => answer,
    };
    Ok(answer.into_response())
}
