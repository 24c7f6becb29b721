//! Answers of several rows.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kudos_core::kind::Kinds;
use kudos_core::ports::Reactor;
use kudos_core::{Kind, Post, PostId, PostState, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Provenance, Source, Tally, json};
use crate::timestamp::Timestamp;

/// One post of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BatchItem<'a> {
    /// The post.
    #[schema(value_type = String)]
    pub post: &'a PostId,
    /// How many users hold each kind: every configured kind, in order.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub counts: Tally<'a>,
    /// The sum of the counts.
    pub total: u64,
    /// What the caller holds; null if nothing, or if nobody is named.
    pub mine: Option<&'a str>,
    /// Counts the changes of the post.
    pub version: u64,
}

impl<'a> BatchItem<'a> {
    /// The row of a post.
    pub fn new(kinds: &'a Kinds, state: &'a PostState, mine: Option<Kind>) -> Self {
        let counts = Tally::new(kinds, &state.counts);
        Self {
            post: &state.post,
            counts,
            total: counts.total(),
            mine: counts.name(mine),
            version: state.version.0,
        }
    }
}

/// The counts of several posts, in the order asked; unknown posts are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BatchAnswer<'a> {
    /// The posts.
    pub results: Vec<BatchItem<'a>>,
    /// Which copy answered.
    pub source: Source,
    /// The moment whose state this is.
    pub as_of: Timestamp,
    /// Whether a better copy should have answered, or posts are missing for a fault.
    pub degraded: bool,
}

impl<'a> BatchAnswer<'a> {
    /// The rows and where they come from.
    pub fn new(results: Vec<BatchItem<'a>>, from: Provenance) -> Self {
        Self { results, source: from.source, as_of: from.as_of.into(), degraded: from.degraded }
    }
}

/// A user who reacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReactorItem<'a> {
    /// The user.
    #[schema(value_type = String)]
    pub user: &'a UserId,
    /// What the user holds.
    pub kind: &'a str,
    /// Since when.
    pub at: Timestamp,
}

impl<'a> ReactorItem<'a> {
    /// The row of a user.
    pub fn new(kinds: &'a Kinds, reactor: &'a Reactor) -> Self {
        Self { user: &reactor.user, kind: kinds.name(reactor.kind), at: reactor.at.into() }
    }
}

/// One page of the users who reacted to a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReactorsAnswer<'a> {
    /// The users, in the order of their ids. A page may be short, even empty, and still continue.
    pub users: Vec<ReactorItem<'a>>,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// One post that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SearchItem<'a> {
    /// The post.
    #[schema(value_type = String)]
    pub post: &'a PostId,
    /// Its title.
    pub title: &'a str,
    /// Who wrote it; empty when nobody said.
    pub author: &'a str,
    /// When it was written.
    pub created_at: Timestamp,
    /// How many users hold each kind: every configured kind, in order.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub counts: Tally<'a>,
    /// The sum of the counts.
    pub total: u64,
    /// Counts the changes of the post.
    pub version: u64,
}

impl<'a> SearchItem<'a> {
    /// The row of a post.
    pub fn new(kinds: &'a Kinds, post: &'a Post, state: &'a PostState) -> Self {
        let counts = Tally::new(kinds, &state.counts);
        Self {
            post: &post.id,
            title: &post.title,
            author: &post.author,
            created_at: post.created_at.into(),
            counts,
            total: counts.total(),
            version: state.version.0,
        }
    }
}

/// One page of posts that were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SearchAnswer<'a> {
    /// The posts, in the order asked for.
    pub posts: Vec<SearchItem<'a>>,
    /// Which copy answered.
    pub source: Source,
    /// The moment whose state this is.
    pub as_of: Timestamp,
    /// Whether a better copy should have answered, or part of the answer is missing.
    pub degraded: bool,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
    /// What is missing from a degraded answer, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub note: Option<Cow<'static, str>>,
}

impl<'a> SearchAnswer<'a> {
    /// The rows, where they come from, and where the next page begins.
    pub fn new(posts: Vec<SearchItem<'a>>, from: Provenance, next_cursor: Option<String>) -> Self {
        Self {
            posts,
            source: from.source,
            as_of: from.as_of.into(),
            degraded: from.degraded,
            next_cursor,
            note: None,
        }
    }

    /// Says what is missing.
    pub fn with_note(mut self, note: impl Into<Cow<'static, str>>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// A post as it was last upserted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PostAnswer<'a> {
    /// The post.
    #[schema(value_type = String)]
    pub post: &'a PostId,
    /// Its title.
    pub title: &'a str,
    /// Its text.
    pub body: &'a str,
    /// Who wrote it; empty when nobody said.
    pub author: &'a str,
    /// When it was written.
    pub created_at: Timestamp,
}

impl<'a> From<&'a Post> for PostAnswer<'a> {
    fn from(post: &'a Post) -> Self {
        Self {
            post: &post.id,
            title: &post.title,
            body: &post.body,
            author: &post.author,
            created_at: post.created_at.into(),
        }
    }
}

macro_rules! answers_with_200 {
    ($($name:ident),*) => {
        $(impl IntoResponse for $name<'_> {
            fn into_response(self) -> Response {
                json(StatusCode::OK, &self)
            }
        })*
    };
}

answers_with_200!(BatchAnswer, ReactorsAnswer, SearchAnswer, PostAnswer);
