//! Reads of what is durable.

use std::ops::Bound;

use fjall::{Guard, UserKey, UserValue};
use kudos_core::ports::{Reactor, ReactorPage};
use kudos_core::{Change, Kind, PostId, PostState, UserId};

use super::engine::{Db, StoreFault};
use super::schema::{
    Body, Head, decode, decode_held, number_of, post_of, row_key, row_prefix, split_row_key,
};

/// Rows that one page of reactors may read for each that it returns.
const ROWS_PER_REACTOR: usize = 20;

/// Where the numbered keyspaces end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    /// The last position of the log.
    pub(crate) log: u64,
    /// The last revision of the outbox.
    pub(crate) outbox: u64,
}

pub(crate) fn head(db: &Db, post: &PostId) -> Result<Option<Head>, StoreFault> {
    let bytes = db.heads.get(post.as_str())?;
    bytes.map(|bytes| decode("head", &bytes)).transpose()
}

pub(crate) fn body(db: &Db, post: &PostId) -> Result<Option<Body>, StoreFault> {
    let bytes = db.posts.get(post.as_str())?;
    bytes.map(|bytes| decode("post", &bytes)).transpose()
}

/// A head as it is stored.
pub(crate) type Stored = fjall::Result<(UserKey, UserValue)>;

/// Every head.
pub(crate) fn heads(db: &Db) -> impl Iterator<Item = Stored> + use<> {
    db.heads.iter().map(Guard::into_inner)
}

/// A post, and whether it is hidden.
pub(crate) fn read_head(stored: Stored) -> Result<(PostState, bool), StoreFault> {
    let (key, value) = stored?;
    let head: Head = decode("head", &value)?;
    Ok((head.state(post_of(&key)?), head.hidden))
}

/// How many posts there are, or more: writes of one head that the engine has not merged yet count
/// each. Bounded, as room is made for so many.
pub(crate) fn about_how_many(db: &Db) -> usize {
    const MOST_AHEAD: usize = 1 << 24;
    db.heads.approximate_len().min(MOST_AHEAD)
}

pub(crate) fn ends(db: &Db) -> Result<Ends, StoreFault> {
    let last = |keyspace: &fjall::Keyspace| match keyspace.last_key_value() {
        Some(entry) => number_of(&entry.key()?),
        None => Ok(0),
    };
    Ok(Ends { log: last(&db.log)?, outbox: last(&db.outbox)? })
}

pub(crate) fn held(db: &Db, user: &UserId, post: &PostId) -> Result<Option<Kind>, StoreFault> {
    match db.rows.get(row_key(post, user))? {
        Some(bytes) => Ok(decode_held(&bytes)?.0),
        None => Ok(None),
    }
}

pub(crate) fn reactors(
    db: &Db,
    post: &PostId,
    kind: Option<Kind>,
    after: Option<&UserId>,
    limit: usize,
) -> Result<ReactorPage, StoreFault> {
    let prefix = row_prefix(post);
    let start = after.map_or_else(|| prefix.clone(), |user| row_key(post, user));
    // The separator is a zero byte, so the rows of a post end where it would be a one.
    let mut end = prefix;
    if let Some(separator) = end.last_mut() {
        *separator = 1;
    }
    let mut page = ReactorPage::default();
    let rows = db.rows.range::<Vec<u8>, _>((Bound::Excluded(start), Bound::Excluded(end)));
    for (read, entry) in rows.enumerate() {
        let (key, value) = entry.into_inner()?;
        let (_, user) = split_row_key(&key)?;
        let last = user.clone();
        if let (Some(held), at) = decode_held(&value)?
            && kind.is_none_or(|kind| kind == held)
        {
            page.reactors.push(Reactor { user, kind: held, at });
        }
        if page.reactors.len() == limit || read + 1 == limit * ROWS_PER_REACTOR {
            page.next = Some(last);
            break;
        }
    }
    Ok(page)
}

/// Commits behind `after` until there are `limit` changes or more, with the position of the last;
/// none if the log does not reach back.
pub(crate) fn log(
    db: &Db,
    after: u64,
    limit: usize,
) -> Result<Option<(Vec<Change>, u64)>, StoreFault> {
    let mut changes = Vec::new();
    let mut last = after;
    let behind = (Bound::Excluded(after.to_be_bytes()), Bound::Unbounded);
    for entry in db.log.range::<[u8; 8], _>(behind) {
        if changes.len() >= limit {
            break;
        }
        let (key, value) = entry.into_inner()?;
        let position = number_of(&key)?;
        if position != last + 1 {
            return Ok(None);
        }
        last = position;
        changes.extend(decode::<Vec<Change>>("commit", &value)?);
    }
    Ok(Some((changes, last)))
}

/// Entries of the index outbox behind `after`, with the revision of the last.
pub(crate) fn outbox(db: &Db, after: u64, limit: usize) -> Result<(Vec<PostId>, u64), StoreFault> {
    let (mut posts, mut last) = (Vec::new(), after);
    let behind = (Bound::Excluded(after.to_be_bytes()), Bound::Unbounded);
    for entry in db.outbox.range::<[u8; 8], _>(behind).take(limit) {
        let (key, value) = entry.into_inner()?;
        last = number_of(&key)?;
        posts.push(post_of(&value)?);
    }
    Ok((posts, last))
}
