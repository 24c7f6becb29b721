//! Every post, by the tokens under which the nodes keep them.

use kudos_core::PortError;
use kudos_core::ports::{ScanCursor, Share};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;

use super::posts::{POST_COLUMNS, Stored, stored};
use crate::codec::{damaged, post_id};
use crate::error::ConnectError;
use crate::session::Db;
use crate::settings::CassandraSettings;

/// Fewer posts than this are not worth a request; more than posts can share a token by chance.
const MIN_PAGE: usize = 16;
const MAX_PAGE: usize = 10_000;

pub(crate) struct Scan {
    select: PreparedStatement,
}

/// Posts of a page, without their counts.
pub(crate) struct Page {
    pub(crate) posts: Vec<Stored>,
    pub(crate) next: Option<ScanCursor>,
}

type Columns = (
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<CqlTimestamp>,
    Option<bool>,
    Option<i64>,
);

impl Scan {
    pub(crate) async fn prepare(
        db: &Db,
        settings: &CassandraSettings,
    ) -> Result<Self, ConnectError> {
        let select = format!(
            "SELECT token(post_id), post_id, {POST_COLUMNS} FROM posts \
             WHERE token(post_id) > ? AND token(post_id) <= ? LIMIT ?"
        );
        Ok(Self { select: db.read(&select, settings).await? })
    }

    pub(crate) async fn page(
        &self,
        db: &Db,
        share: Share,
        after: Option<&ScanCursor>,
        limit: usize,
    ) -> Result<Page, PortError> {
        let (start, end) = tokens(share);
        let start = after.map(token_of).transpose()?.unwrap_or(start);
        let asked = limit.clamp(MIN_PAGE, MAX_PAGE) + 1;
        let bound = i32::try_from(asked).unwrap_or(i32::MAX);
        let rows = db.rows(&self.select, (start, end, bound)).await?;
        let rows = rows.rows::<Columns>().map_err(|error| damaged("post", error))?;
        let mut rows: Vec<Columns> =
            rows.collect::<Result<_, _>>().map_err(|error| damaged("post", error))?;
        let mut next = None;
        // Posts may share a token: those of the last one come with the next page, all together.
        if rows.len() == asked
            && let Some(last) = rows.last().map(|row| row.0)
        {
            rows.retain(|row| row.0 < last);
            next = rows.last().map(|row| ScanCursor(row.0.to_be_bytes().to_vec()));
        }
        let posts = rows.into_iter().map(|(_, id, title, body, author, at, hidden, revision)| {
            Ok(stored(&post_id(&id)?, (title, body, author, at, hidden, revision)))
        });
        let posts = posts.collect::<Result<Vec<_>, PortError>>()?;
        Ok(Page { posts: posts.into_iter().flatten().collect(), next })
    }
}

/// The tokens of a share: those behind the first, up to the second. No post has the lowest token.
fn tokens(share: Share) -> (i64, i64) {
    let of = i128::from(share.of.max(1));
    let bound = |part: u32| {
        let part = i128::from(part).min(of);
        let token = i128::from(i64::MIN) + ((part << 64) / of);
        i64::try_from(token).unwrap_or(i64::MAX)
    };
    (bound(share.part), bound(share.part.saturating_add(1)))
}

fn token_of(cursor: &ScanCursor) -> Result<i64, PortError> {
    let bytes = cursor.0.as_slice().try_into();
    bytes.map(i64::from_be_bytes).map_err(|_| damaged("scan cursor", "of another backend"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_all_tokens_without_overlap() {
        for of in [1, 2, 3, 7, 256] {
            let shares: Vec<_> = (0..of).map(|part| tokens(Share { part, of })).collect();
            assert_eq!((shares[0].0, shares[shares.len() - 1].1), (i64::MIN, i64::MAX));
            assert!(shares.windows(2).all(|pair| pair[0].1 == pair[1].0));
        }
    }

    #[test]
    fn a_cursor_of_another_backend_is_refused() {
        assert!(matches!(token_of(&ScanCursor(vec![1, 2])), Err(PortError::Corrupt(_))));
        assert_eq!(token_of(&ScanCursor((-5i64).to_be_bytes().to_vec())), Ok(-5));
    }
}
