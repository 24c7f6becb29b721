//! One bucket of one post: the partition that a commit reads and writes.
//!
//! The statics and the rows of a commit are read by one query, because two queries could see two
//! moments, and the condition on `seq` only vouches for the one that saw `seq`. A query that names
//! users shows the statics only beside a row that it finds, so it also names the empty user, whose
//! row comes with the first commit.

use std::collections::{BTreeMap, HashMap};

use kudos_core::{Counts, Kinds, Millis, PortError, PostId, UserId, UserRow, Version};
use scylla::response::query_result::QueryRowsResult;
use scylla::serialize::SerializationError;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::RowWriter;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;

use super::attempt::Attempt;
use crate::codec::{
    counts_from_map, counts_to_map, damaged, from_bigint, kind_to_name, millis, row_from_blob,
    row_to_blob, timestamp, to_bigint, user_id,
};
use crate::error::ConnectError;
use crate::session::Db;
use crate::settings::CassandraSettings;

/// The user whose row holds nothing; no user can be named like this.
const NOBODY: &str = "";

/// Names a partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) post: PostId,
    pub(crate) bucket: i16,
}

impl Place {
    /// Where the rows of a user are. This is stored: it can never change.
    pub(crate) fn of(post: &PostId, user: &UserId, buckets: u8) -> Self {
        let bucket = match buckets {
            1 => 0,
            _ => {
                let hash = blake3::hash(user.as_str().as_bytes());
                let [a, b, c, d, ..] = *hash.as_bytes();
                let number = u32::from_le_bytes([a, b, c, d]) % u32::from(buckets.max(1));
                i16::try_from(number).unwrap_or(0)
            }
        };
        Self { post: post.clone(), bucket }
    }

    /// All partitions of a post.
    pub(crate) fn all(post: &PostId, buckets: u8) -> impl Iterator<Item = Self> {
        (0..i16::from(buckets)).map(|bucket| Self { post: post.clone(), bucket })
    }
}

/// The statics of a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// None before the first conditional write.
    pub(crate) seq: Option<i64>,
    pub(crate) version: Version,
    pub(crate) counts: Counts,
    pub(crate) as_of: Millis,
}

/// What a commit is decided on.
#[derive(Debug, Default)]
pub(crate) struct Partition {
    pub(crate) head: Head,
    pub(crate) rows: HashMap<UserId, Result<UserRow, PortError>>,
}

type Map = BTreeMap<String, i64>;
type HeadColumns = (Option<i64>, Option<i64>, Option<Map>, Option<CqlTimestamp>);
type RowColumns =
    (String, Option<Vec<u8>>, Option<i64>, Option<i64>, Option<Map>, Option<CqlTimestamp>);

/// The statements of a commit.
pub(crate) struct Partitions {
    rows: PreparedStatement,
    settled_rows: PreparedStatement,
    head: PreparedStatement,
    settled_head: PreparedStatement,
    set_head: PreparedStatement,
    set_row: PreparedStatement,
    add_nobody: PreparedStatement,
    set_seq: PreparedStatement,
    shell: Batch,
}

impl Partitions {
    pub(crate) async fn prepare(
        db: &Db,
        settings: &CassandraSettings,
    ) -> Result<Self, ConnectError> {
        let rows = "SELECT user_id, memory, seq, version, counts, as_of FROM reactions \
                    WHERE post_id = ? AND bucket = ? AND user_id IN ?";
        let head = "SELECT DISTINCT seq, version, counts, as_of, post_id, bucket FROM reactions \
                    WHERE post_id = ? AND bucket = ?";
        let set_head = "UPDATE reactions SET seq = ?, version = ?, counts = ?, as_of = ? \
                        WHERE post_id = ? AND bucket = ? IF seq = ?";
        let set_row = "UPDATE reactions SET kind = ?, reacted_at = ?, memory = ? \
                       WHERE post_id = ? AND bucket = ? AND user_id = ?";
        let add_nobody = "INSERT INTO reactions (post_id, bucket, user_id) VALUES (?, ?, '')";
        let set_seq = "UPDATE reactions SET seq = ? WHERE post_id = ? AND bucket = ? IF seq = ?";
        // All statements are of one partition: there is nothing that a log of batches would mend.
        let mut shell = Batch::new(BatchType::Unlogged);
        shell.set_execution_profile_handle(Some(db.conditional.clone()));
        shell.set_is_idempotent(false);
        Ok(Self {
            rows: db.read(rows, settings).await?,
            settled_rows: db.settling_read(rows, settings).await?,
            head: db.read(head, settings).await?,
            settled_head: db.settling_read(head, settings).await?,
            set_head: db.conditional(set_head, settings).await?,
            set_row: db.conditional(set_row, settings).await?,
            add_nobody: db.conditional(add_nobody, settings).await?,
            set_seq: db.conditional(set_seq, settings).await?,
            shell,
        })
    }

    /// Reads what a commit is decided on; with `settled`, after finishing whatever is under way.
    pub(crate) async fn read(
        &self,
        db: &Db,
        kinds: &Kinds,
        place: &Place,
        users: impl Iterator<Item = &UserId>,
        settled: bool,
    ) -> Result<Partition, PortError> {
        let mut users: Vec<&str> = users.map(UserId::as_str).chain([NOBODY]).collect();
        users.sort_unstable();
        users.dedup();
        let select = if settled { &self.settled_rows } else { &self.rows };
        let rows = db.rows(select, (place.post.as_str(), place.bucket, users)).await?;
        partition(&rows, kinds)
    }

    /// The statics; none of a partition that was never written.
    pub(crate) async fn head(
        &self,
        db: &Db,
        kinds: &Kinds,
        place: &Place,
        settled: bool,
    ) -> Result<Option<Head>, PortError> {
        let select = if settled { &self.settled_head } else { &self.head };
        let rows = db.rows(select, (place.post.as_str(), place.bucket)).await?;
        let row = rows.maybe_first_row::<HeadAndKey>().map_err(|e| damaged("statics", e))?;
        row.map(|(seq, version, counts, as_of, ..)| head((seq, version, counts, as_of), kinds))
            .transpose()
    }

    /// Commits an attempt: true if it was applied, false if it never will be. After an error
    /// nobody knows.
    pub(crate) async fn commit(
        &self,
        db: &Db,
        kinds: &Kinds,
        place: &Place,
        attempt: &Attempt,
    ) -> Result<bool, PortError> {
        let (mut batch, mut values) = (self.shell.clone(), Vec::new());
        let (post, bucket) = (place.post.as_str(), place.bucket);
        let Head { seq, version, counts, as_of } = &attempt.head;
        let counts = counts_to_map(counts, kinds);
        let version = to_bigint(version.0);
        let columns = (seq, version, counts, timestamp(*as_of), post, bucket, attempt.expected);
        batch.append_statement(self.set_head.clone());
        values.push(Values::new(columns));
        if attempt.expected.is_none() {
            batch.append_statement(self.add_nobody.clone());
            values.push(Values::new((post, bucket)));
        }
        for (user, row) in &attempt.rows {
            let (kind, at) = (kind_to_name(row.kind, kinds), timestamp(row.reacted_at));
            batch.append_statement(self.set_row.clone());
            values.push(Values::new((kind, at, row_to_blob(row)?, post, bucket, user.as_str())));
        }
        db.batch_if(&batch, values).await
    }

    /// Raises `seq` and nothing else, so that no conditional write that expects the old one can be
    /// applied any more. The answer is that of [`commit`](Self::commit).
    pub(crate) async fn fence(
        &self,
        db: &Db,
        place: &Place,
        expected: Option<i64>,
    ) -> Result<bool, PortError> {
        let (mut batch, mut values) = (self.shell.clone(), Vec::new());
        let (post, bucket) = (place.post.as_str(), place.bucket);
        batch.append_statement(self.set_seq.clone());
        values.push(Values::new((expected.unwrap_or(0) + 1, post, bucket, expected)));
        if expected.is_none() {
            batch.append_statement(self.add_nobody.clone());
            values.push(Values::new((post, bucket)));
        }
        db.batch_if(&batch, values).await
    }
}

type HeadAndKey = (Option<i64>, Option<i64>, Option<Map>, Option<CqlTimestamp>, String, i16);

fn partition(result: &QueryRowsResult, kinds: &Kinds) -> Result<Partition, PortError> {
    let mut partition = Partition::default();
    let rows = result.rows::<RowColumns>().map_err(|error| damaged("user row", error))?;
    for row in rows {
        let row = row.map_err(|error| damaged("user row", error))?;
        let (user, memory, seq, version, counts, as_of) = row;
        if partition.head.seq.is_none() {
            partition.head = head((seq, version, counts, as_of), kinds)?;
        }
        if let (false, Some(memory)) = (user == NOBODY, memory) {
            partition.rows.insert(user_id(&user)?, row_from_blob(&memory));
        }
    }
    Ok(partition)
}

fn head((seq, version, counts, as_of): HeadColumns, kinds: &Kinds) -> Result<Head, PortError> {
    Ok(Head {
        seq,
        version: Version(version.map_or(0, from_bigint)),
        counts: counts_from_map(&counts.unwrap_or_default(), kinds)?,
        as_of: as_of.map_or(Millis(0), millis),
    })
}

/// The values of one statement of a batch whose statements differ.
struct Values<'a>(Box<dyn SerializeRow + Send + Sync + 'a>);

impl<'a> Values<'a> {
    fn new(values: impl SerializeRow + Send + Sync + 'a) -> Self {
        Self(Box::new(values))
    }
}

impl SerializeRow for Values<'_> {
    fn serialize(
        &self,
        context: &RowSerializationContext<'_>,
        writer: &mut RowWriter<'_>,
    ) -> Result<(), SerializationError> {
        self.0.serialize(context, writer)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_stays_in_the_bucket_that_was_written() {
        let post = PostId::new("p").unwrap();
        let bucket = |user: &str| Place::of(&post, &UserId::new(user).unwrap(), 64).bucket;
        // These are on disk somewhere: a failure here means that rows will not be found.
        assert_eq!([bucket("ann"), bucket("bob"), bucket("eve")], [40, 36, 55]);
        assert_eq!(Place::of(&post, &UserId::new("ann").unwrap(), 1).bucket, 0);
    }
}
