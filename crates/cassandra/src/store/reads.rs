//! Who holds what.

use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use kudos_core::ports::{Reactor, ReactorPage};
use kudos_core::{Counts, Kind, Kinds, PortError, PostId, UserId};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;

use super::partition::Place;
use crate::codec::{damaged, kind_from_name, millis, user_id};
use crate::error::ConnectError;
use crate::session::Db;
use crate::settings::CassandraSettings;

/// Reads of one call that are under way at once.
const IN_PARALLEL: usize = 32;
/// Rows that one page reads of a bucket for each user that it lists, if only one kind is asked
/// for, and at most.
const ROWS_PER_REACTOR: usize = 4;
const MAX_ROWS: usize = 1000;

pub(crate) struct Reads {
    held: PreparedStatement,
    behind: PreparedStatement,
}

/// A row, in the order of users.
struct Row {
    user: UserId,
    reactor: Option<Reactor>,
}

impl Reads {
    pub(crate) async fn prepare(
        db: &Db,
        settings: &CassandraSettings,
    ) -> Result<Self, ConnectError> {
        let held = "SELECT kind FROM reactions WHERE post_id = ? AND bucket = ? AND user_id = ?";
        let behind = "SELECT user_id, kind, reacted_at FROM reactions \
                      WHERE post_id = ? AND bucket = ? AND user_id > ? LIMIT ?";
        Ok(Self { held: db.read(held, settings).await?, behind: db.read(behind, settings).await? })
    }

    pub(crate) async fn held(
        &self,
        db: &Db,
        kinds: &Kinds,
        buckets: u8,
        user: &UserId,
        posts: &[PostId],
    ) -> Result<Vec<Option<Kind>>, PortError> {
        let held = |post| self.held_one(db, kinds, buckets, user, post);
        let reads: Vec<_> = posts.iter().map(held).collect();
        stream::iter(reads).buffered(IN_PARALLEL).try_collect().await
    }

    async fn held_one(
        &self,
        db: &Db,
        kinds: &Kinds,
        buckets: u8,
        user: &UserId,
        post: &PostId,
    ) -> Result<Option<Kind>, PortError> {
        let place = Place::of(post, user, buckets);
        let key = (place.post.as_str(), place.bucket, user.as_str());
        let rows = db.rows(&self.held, key).await?;
        let row = rows.maybe_first_row::<(Option<&str>,)>();
        match row.map_err(|error| damaged("user row", error))? {
            Some((Some(name),)) => kind_from_name(name, kinds),
            _ => Ok(None),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a page, and what it is read from")]
    pub(crate) async fn reactors(
        &self,
        db: &Db,
        kinds: &Kinds,
        buckets: u8,
        post: &PostId,
        kind: Option<Kind>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<ReactorPage, PortError> {
        let per_reactor = if kind.is_some() { ROWS_PER_REACTOR } else { 1 };
        let rows = limit.saturating_mul(per_reactor).clamp(1, MAX_ROWS);
        let places: Vec<_> = Place::all(post, buckets).collect();
        let reads: Vec<_> =
            places.iter().map(|place| self.rows(db, kinds, place, after, rows)).collect();
        let parts = try_join_all(reads).await?;
        Ok(page(parts, rows, kind, limit))
    }

    /// Adds what the users of a bucket hold, as their rows say.
    pub(crate) async fn count(
        &self,
        db: &Db,
        kinds: &Kinds,
        place: &Place,
        counts: &mut Counts,
    ) -> Result<(), PortError> {
        let mut after = None;
        loop {
            let rows = self.rows(db, kinds, place, after.as_ref(), MAX_ROWS).await?;
            for kind in rows.iter().filter_map(|row| Some(row.reactor.as_ref()?.kind)) {
                counts.set(kind, counts.get(kind) + 1);
            }
            match rows.last() {
                Some(last) if rows.len() == MAX_ROWS => after = Some(last.user.clone()),
                _ => return Ok(()),
            }
        }
    }

    async fn rows(
        &self,
        db: &Db,
        kinds: &Kinds,
        place: &Place,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Row>, PortError> {
        // No user comes before those with a name.
        let after = after.map_or("", UserId::as_str);
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let rows = db.rows(&self.behind, (place.post.as_str(), place.bucket, after, limit)).await?;
        let rows = rows.rows::<(&str, Option<&str>, Option<CqlTimestamp>)>();
        let rows = rows.map_err(|error| damaged("user row", error))?;
        rows.map(|row| {
            let (user, kind, at) = row.map_err(|error| damaged("user row", error))?;
            let user = user_id(user)?;
            let kind = kind_from_name(kind.unwrap_or_default(), kinds)?;
            let at = at.map(millis).unwrap_or_default();
            let reactor = kind.map(|kind| Reactor { user: user.clone(), kind, at });
            Ok(Row { user, reactor })
        })
        .collect()
    }
}

/// Merges the buckets. One that was not read to its end hides what comes behind its last row, in
/// the others too: there the page ends at the latest.
fn page(parts: Vec<Vec<Row>>, full: usize, kind: Option<Kind>, limit: usize) -> ReactorPage {
    let unread = parts.iter().filter(|rows| rows.len() >= full);
    let horizon = unread.filter_map(|rows| rows.last()).map(|row| row.user.clone()).min();
    let mut rows: Vec<Row> = parts.into_iter().flatten().collect();
    rows.sort_by(|a, b| a.user.cmp(&b.user));
    rows.retain(|row| horizon.as_ref().is_none_or(|horizon| row.user <= *horizon));
    let mut page = ReactorPage { reactors: Vec::new(), next: horizon };
    for reactor in rows.into_iter().map(|row| row.reactor) {
        // Another one follows, or none that is of this kind: then the next page is empty.
        if page.reactors.len() == limit {
            page.next = page.reactors.last().map(|last: &Reactor| last.user.clone());
            break;
        }
        let wanted = |reactor: &Reactor| kind.is_none_or(|kind| kind == reactor.kind);
        page.reactors.extend(reactor.filter(wanted));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use kudos_core::Millis;

    fn rows(users: &[&str]) -> Vec<Row> {
        let row = |name: &&str| {
            let user = UserId::new(name).unwrap();
            let reactor = Reactor { user: user.clone(), kind: Kind(0), at: Millis(1) };
            Row { user, reactor: Some(reactor) }
        };
        users.iter().map(row).collect()
    }

    fn listed(page: &ReactorPage) -> (Vec<&str>, Option<&str>) {
        let users = page.reactors.iter().map(|reactor| reactor.user.as_str());
        (users.collect(), page.next.as_ref().map(UserId::as_str))
    }

    #[test]
    fn a_page_ends_where_a_bucket_was_not_read_further() {
        let parts = vec![rows(&["a", "b"]), rows(&["c"])];
        assert_eq!(listed(&page(parts, 2, None, 2)), (vec!["a", "b"], Some("b")));
        let parts = vec![rows(&["a", "z"]), rows(&["b", "c"])];
        assert_eq!(listed(&page(parts, 2, None, 10)), (vec!["a", "b", "c"], Some("c")));
    }

    #[test]
    fn a_page_ends_at_its_limit_and_the_last_one_says_so() {
        let parts = || vec![rows(&["a", "c"]), rows(&["b"])];
        assert_eq!(listed(&page(parts(), 9, None, 2)), (vec!["a", "b"], Some("b")));
        assert_eq!(listed(&page(parts(), 9, None, 3)), (vec!["a", "b", "c"], None));
        assert_eq!(listed(&page(parts(), 9, Some(Kind(1)), 3)), (vec![], None));
    }
}
