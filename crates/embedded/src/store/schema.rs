//! Keys and values on disk. Values are postcard behind one format byte.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `meta` | name | `kinds`: the configured kinds |
//! | `heads` | post | [`Head`]: state of the post, read whole at start |
//! | `posts` | post | [`Body`]: what a person reads |
//! | `rows` | post, 0x00, user | [`kudos_core::UserRow`] |
//! | `log` | commit, 8 bytes big-endian | its [`kudos_core::Change`]s |
//! | `outbox` | revision, 8 bytes big-endian | post, for the text index |
//!
//! Ids hold no control characters, so the zero byte splits a row's key without doubt, and the
//! rows of a post are one range.

use fjall::UserValue;
use kudos_core::{Counts, Kind, Millis, Post, PostId, PostState, UserId, Version};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::engine::StoreFault;

const FORMAT: u8 = 1;

/// What is kept in memory of each post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) created_at: Millis,
    pub(crate) hidden: bool,
    pub(crate) version: Version,
    pub(crate) counts: Counts,
    pub(crate) as_of: Millis,
}

impl Head {
    pub(crate) fn new(created_at: Millis) -> Self {
        let (version, counts) = (Version(0), Counts::new());
        Self { created_at, hidden: false, version, counts, as_of: created_at }
    }

    pub(crate) fn state(&self, post: PostId) -> PostState {
        let Self { created_at, version, ref counts, as_of, .. } = *self;
        PostState { post, created_at, version, counts: counts.clone(), as_of }
    }

    pub(crate) fn of(state: PostState, hidden: bool) -> Self {
        let PostState { created_at, version, counts, as_of, .. } = state;
        Self { created_at, hidden, version, counts, as_of }
    }
}

/// The readable part of a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) author: String,
}

impl Body {
    pub(crate) fn of(post: &Post) -> Self {
        let Post { title, body, author, .. } = post.clone();
        Self { title, body, author }
    }

    pub(crate) fn into_post(self, id: PostId, created_at: Millis) -> Post {
        let Self { title, body, author } = self;
        Post { id, title, body, author, created_at }
    }
}

/// Encodes values one after the other in memory that is used again.
#[derive(Default)]
pub(crate) struct Scratch(Vec<u8>);

impl Scratch {
    /// The record of a value.
    pub(crate) fn encode(&mut self, value: &impl Serialize) -> Result<UserValue, StoreFault> {
        self.0.clear();
        self.0.push(FORMAT);
        let encoded = postcard::to_extend(value, std::mem::take(&mut self.0));
        self.0 = encoded.map_err(|error| damaged("record", &error))?;
        Ok(UserValue::from(self.0.as_slice()))
    }
}

pub(crate) fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, StoreFault> {
    match bytes.split_first() {
        Some((&FORMAT, value)) => {
            postcard::from_bytes(value).map_err(|error| damaged(what, &error))
        }
        Some((other, _)) => Err(StoreFault::Damaged(format!("{what} has unknown format {other}"))),
        None => Err(StoreFault::Damaged(format!("{what} is empty"))),
    }
}

/// Only what a reader of users' reactions needs: postcard fields in order, the rest unread.
pub(crate) fn decode_held(bytes: &[u8]) -> Result<(Option<Kind>, Millis), StoreFault> {
    let Some((&FORMAT, value)) = bytes.split_first() else {
        return Err(StoreFault::Damaged("user row has an unknown format".into()));
    };
    let (held, _rest) =
        postcard::take_from_bytes(value).map_err(|error| damaged("user row", &error))?;
    Ok(held)
}

pub(crate) fn row_key(post: &PostId, user: &UserId) -> Vec<u8> {
    let mut key = row_prefix(post);
    key.extend_from_slice(user.as_str().as_bytes());
    key
}

/// Where the rows of a post begin.
pub(crate) fn row_prefix(post: &PostId) -> Vec<u8> {
    let mut key = Vec::with_capacity(post.as_str().len() + 32);
    key.extend_from_slice(post.as_str().as_bytes());
    key.push(0);
    key
}

pub(crate) fn split_row_key(key: &[u8]) -> Result<(PostId, UserId), StoreFault> {
    let at = key.iter().position(|&byte| byte == 0);
    let at = at.ok_or_else(|| StoreFault::Damaged("row key without separator".into()))?;
    let user = text(&key[at + 1..])?;
    let user = UserId::new(user).map_err(|error| damaged("user id", &error))?;
    Ok((post_of(&key[..at])?, user))
}

pub(crate) fn post_of(key: &[u8]) -> Result<PostId, StoreFault> {
    PostId::new(text(key)?).map_err(|error| damaged("post id", &error))
}

pub(crate) fn number_of(key: &[u8]) -> Result<u64, StoreFault> {
    let bytes = key.try_into().map_err(|error| damaged("position", &error))?;
    Ok(u64::from_be_bytes(bytes))
}

fn text(bytes: &[u8]) -> Result<&str, StoreFault> {
    std::str::from_utf8(bytes).map_err(|error| damaged("id", &error))
}

fn damaged(what: &str, error: &dyn std::fmt::Display) -> StoreFault {
    StoreFault::Damaged(format!("{what}: {error}"))
}
