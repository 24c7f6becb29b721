//! Every copy of a post's count side by side.

use std::fmt::Write;

use kudos_core::ports::PostStore;
use kudos_core::{Counts, Kinds, Post, PostId, PostState};
use kudos_embedded::{Explanation, Lag};
use kudos_http::timestamp::Timestamp;
use serde::Serialize;

use super::counts::Named;
use super::verify::{EXIT_DIFFERENT, agrees};
use super::{JobError, Outcome, Place, blocking};

#[derive(Serialize)]
struct Document<'a> {
    post: &'a str,
    title: Option<&'a str>,
    hidden: bool,
    equal: bool,
    rows: Rows<'a>,
    truth: Option<State<'a>>,
    live: Option<State<'a>>,
    index: Index,
}

#[derive(Serialize)]
struct Rows<'a> {
    rows: u64,
    counts: Named<'a>,
    total: u64,
}

#[derive(Serialize)]
struct State<'a> {
    counts: Named<'a>,
    total: u64,
    version: u64,
    as_of: String,
    created_at: String,
}

#[derive(Serialize)]
struct Index {
    /// Absent when the index cannot be asked.
    found: Option<bool>,
    /// Changes of posts that are not in the index yet.
    behind: u64,
    rebuilding: bool,
    failure: Option<String>,
}

/// Explains one post.
pub(super) async fn run(place: &Place, post: PostId) -> Result<Outcome, JobError> {
    let (backends, asked) = (place.backends.clone(), post.clone());
    let explanation = blocking(move || backends.explain(&asked)).await??;
    let stored = place.backends.store.get(std::slice::from_ref(&post)).await?;
    let stored: Option<Post> = stored.into_iter().next().flatten();
    let Explanation { truth, board, .. } = &explanation;
    if truth.head.is_none() && truth.rows == 0 && board.is_none() {
        return Err(JobError::UnknownPost(post));
    }
    let kinds = &*place.kinds;
    let live = board.as_ref().map(|(state, _)| state);
    let head = truth.head.as_ref();
    // A change between the two reads moves the board on; that is no difference.
    let comparable = live.filter(|live| head.is_some_and(|head| head.version == live.version));
    let equal = agrees(&truth.counts, head.map(|head| &head.counts))
        && comparable.is_none_or(|live| live.counts == truth.counts);
    let document = Document {
        post: post.as_str(),
        title: stored.as_ref().map(|post| post.title.as_str()),
        hidden: board.as_ref().is_some_and(|(_, hidden)| *hidden),
        equal,
        rows: Rows {
            rows: truth.rows,
            counts: Named { kinds, counts: &truth.counts },
            total: truth.counts.total(),
        },
        truth: head.map(|head| state(head, kinds)),
        live: live.map(|live| state(live, kinds)),
        index: index(&explanation),
    };
    let exit = if equal { 0 } else { EXIT_DIFFERENT };
    Outcome::new(exit, text(&document, &truth.counts, head, live, kinds), &document)
}

fn state<'a>(state: &'a PostState, kinds: &'a Kinds) -> State<'a> {
    State {
        counts: Named { kinds, counts: &state.counts },
        total: state.counts.total(),
        version: state.version.0,
        as_of: Timestamp(state.as_of).to_string(),
        created_at: Timestamp(state.created_at).to_string(),
    }
}

fn index(explanation: &Explanation) -> Index {
    let Lag { revisions, rebuilding, ref failure, .. } = explanation.lag;
    Index {
        found: explanation.indexed.as_ref().ok().copied(),
        behind: revisions,
        rebuilding,
        failure: failure.as_ref().or(explanation.indexed.as_ref().err()).map(ToString::to_string),
    }
}

fn text(
    document: &Document<'_>,
    rows: &Counts,
    head: Option<&PostState>,
    live: Option<&PostState>,
    kinds: &Kinds,
) -> String {
    let hidden = if document.hidden { " (hidden)" } else { "" };
    let title = document.title.unwrap_or("no text stored");
    let mut text = format!("{}: {title}{hidden}\n{:8}", document.post, "");
    for name in kinds.names().chain(["total", "version"]) {
        // Writing into a string does not fail, here and below.
        let _ = write!(text, "{name:>9}");
    }
    text.push_str("  as of");
    line(&mut text, "rows", rows, None, kinds);
    for (name, state) in [("truth", head), ("live", live)] {
        match state {
            Some(state) => line(&mut text, name, &state.counts, Some(state), kinds),
            None => drop(write!(text, "\n{name:8} holds nothing")),
        }
    }
    let Index { found, behind, rebuilding, failure } = &document.index;
    let found = match found {
        Some(true) => "holds the post",
        Some(false) => "does not hold the post",
        None => "cannot be asked",
    };
    let _ = write!(text, "\n{:8} {found}, {behind} changes behind", "index");
    if *rebuilding {
        text.push_str(", being rebuilt");
    }
    if let Some(failure) = failure {
        let _ = write!(text, ", failing: {failure}");
    }
    text.push_str(if document.equal { "\nall counts are equal" } else { "\nTHE COUNTS DIFFER" });
    text
}

fn line(text: &mut String, name: &str, counts: &Counts, state: Option<&PostState>, kinds: &Kinds) {
    let _ = write!(text, "\n{name:8}");
    for count in kinds.all().map(|kind| counts.get(kind)).chain([counts.total()]) {
        let _ = write!(text, "{count:>9}");
    }
    if let Some(PostState { version, as_of, .. }) = state {
        let _ = write!(text, "{:>9}  {}", version.0, Timestamp(*as_of));
    }
}
