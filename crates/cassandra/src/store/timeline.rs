//! Posts in time order, by days.
//!
//! An entry says where a post may be; `posts` says where it is. So entries are written before the
//! post moves and deleted after, and a reader leaves out those that the post does not confirm:
//! a writer that dies between the steps loses no post and lists none twice.

use std::collections::HashSet;
use std::sync::Arc;

use kudos_core::{Millis, PortError, Post, PostId, TimeKey};
use parking_lot::Mutex;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlDate, CqlTimestamp};

use crate::codec::{damaged, day_of, millis, post_id, timestamp};
use crate::error::ConnectError;
use crate::session::Db;
use crate::settings::CassandraSettings;

/// The days that one read lists.
const DAYS: i32 = 64;
/// The most days that are remembered as listed.
const KNOWN_DAYS: usize = 4096;

pub(crate) struct Timeline {
    db: Arc<Db>,
    /// Days that this process has listed.
    known: Mutex<HashSet<u32>>,
    list_day: PreparedStatement,
    days: PreparedStatement,
    enter: PreparedStatement,
    leave: PreparedStatement,
    at: PreparedStatement,
    before: PreparedStatement,
}

impl Timeline {
    pub(crate) async fn prepare(
        db: Arc<Db>,
        settings: &CassandraSettings,
    ) -> Result<Self, ConnectError> {
        let list_day = "INSERT INTO post_days (part, day) VALUES (0, ?)";
        let days = "SELECT day FROM post_days WHERE part = 0 AND day <= ? AND day >= ? LIMIT ?";
        let enter = "INSERT INTO posts_by_day (day, created_at, post_id) VALUES (?, ?, ?) \
                     USING TIMESTAMP ?";
        let leave = "DELETE FROM posts_by_day USING TIMESTAMP ? \
                     WHERE day = ? AND created_at = ? AND post_id = ?";
        let at = "SELECT created_at, post_id FROM posts_by_day \
                  WHERE day = ? AND created_at = ? AND post_id > ? LIMIT ?";
        let before = "SELECT created_at, post_id FROM posts_by_day \
                      WHERE day = ? AND created_at < ? AND created_at >= ? LIMIT ?";
        Ok(Self {
            known: Mutex::new(HashSet::new()),
            list_day: db.write(list_day, settings).await?,
            days: db.read(days, settings).await?,
            enter: db.write(enter, settings).await?,
            leave: db.write(leave, settings).await?,
            at: db.read(at, settings).await?,
            before: db.read(before, settings).await?,
            db,
        })
    }

    /// Notes where the post will be from `revision` on.
    pub(crate) async fn enter(&self, post: &Post, revision: i64) -> Result<(), PortError> {
        let (day, at) = (day_of(post.created_at), timestamp(post.created_at));
        if !self.known.lock().contains(&day.0) {
            self.db.run(&self.list_day, (day,)).await?;
            let mut known = self.known.lock();
            if known.len() >= KNOWN_DAYS {
                known.clear();
            }
            known.insert(day.0);
        }
        self.db.run(&self.enter, (day, at, post.id.as_str(), revision)).await
    }

    /// Takes a post away from where it was, unless it comes back there in a later revision, which
    /// the timestamp decides. A failure leaves an entry that no reader believes.
    pub(crate) async fn leave(&self, old: &Post, moved_to: Millis, revision: i64) {
        if old.created_at == moved_to {
            return;
        }
        let (day, at) = (day_of(old.created_at), timestamp(old.created_at));
        let left = self.db.run(&self.leave, (revision, day, at, old.id.as_str())).await;
        if let Err(error) = left {
            tracing::debug!(%error, post = %old.id, "an old place in time is left to readers");
        }
    }

    /// The first entries behind `after`, down to `since`; fewer than `limit` only at the end.
    pub(crate) async fn entries(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<TimeKey>, PortError> {
        let since = since.unwrap_or_default();
        let mut found = Vec::new();
        let mut before = CqlTimestamp(i64::MAX);
        let mut day = Some(CqlDate(u32::MAX));
        if let Some(key) = after {
            (before, day) = (timestamp(key.created_at), Some(day_of(key.created_at)));
            let tied = (day_of(key.created_at), before, key.post.as_str(), bound(limit));
            self.read(&self.at, tied, &mut found).await?;
        }
        while let Some(newest) = day
            && found.len() < limit
        {
            let rows = self.db.rows(&self.days, (newest, day_of(since), DAYS)).await?;
            let rows = rows.rows::<(CqlDate,)>().map_err(|error| damaged("post_days", error))?;
            let days: Vec<(CqlDate,)> =
                rows.collect::<Result<_, _>>().map_err(|error| damaged("post_days", error))?;
            for &(day,) in &days {
                let range = (day, before, timestamp(since), bound(limit - found.len()));
                self.read(&self.before, range, &mut found).await?;
                if found.len() >= limit {
                    break;
                }
            }
            let full = i32::try_from(days.len()).is_ok_and(|n| n >= DAYS);
            let last = days.last().filter(|_| full);
            day = last.and_then(|(last,)| last.0.checked_sub(1)).map(CqlDate);
        }
        Ok(found)
    }

    async fn read(
        &self,
        select: &PreparedStatement,
        values: impl scylla::serialize::row::SerializeRow,
        found: &mut Vec<TimeKey>,
    ) -> Result<(), PortError> {
        let rows = self.db.rows(select, values).await?;
        let rows = rows.rows::<(CqlTimestamp, &str)>().map_err(|e| damaged("posts_by_day", e))?;
        for row in rows {
            let (at, id) = row.map_err(|error| damaged("posts_by_day", error))?;
            let post: PostId = post_id(id)?;
            found.push(TimeKey { created_at: millis(at), post });
        }
        Ok(())
    }
}

fn bound(limit: usize) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX).max(1)
}
