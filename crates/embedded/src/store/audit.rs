//! Recounting what everybody holds, and comparing it with every count that was kept.

use std::time::Duration;

use kudos_core::{Counts, PortError, PostId, PostState};

use super::scan::{Record, Records, Scan};
use super::schema::{Head, decode, decode_held, post_of, row_prefix};
use super::{Store, reads};
use crate::maintenance::{MaintenanceError, Steps, Watch};

/// Differences that an audit lists; it counts all.
const LISTED: usize = 1000;
/// How often, and how long, the board may be behind the truth before that is a difference.
const CATCH_UPS: u32 = 100;
const CATCH_UP: Duration = Duration::from_millis(2);

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Posts compared.
    pub posts: u64,
    /// Rows counted, also of users who hold nothing any more.
    pub rows: u64,
    /// How many counts differ.
    pub different: u64,
    /// The first of them, at most 1000.
    pub differences: Vec<Difference>,
}

/// A count that is not that of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The post.
    pub post: PostId,
    /// Whose count it is.
    pub side: Side,
    /// What the rows say.
    pub rows: Counts,
    /// What is kept.
    pub counts: Counts,
}

/// Where counts are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Beside the rows, on disk.
    Head,
    /// In memory.
    Board,
}

/// The rows of one post, counted, and its head as of the same moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recount {
    /// Users by what they hold.
    pub counts: Counts,
    /// Rows, also of users who hold nothing any more.
    pub rows: u64,
    /// The state on disk.
    pub head: Option<PostState>,
}

impl Store {
    /// Recounts all rows as of one moment, while writes go on, and compares the counts of every
    /// post with them. Memory is bounded, whatever the size of the store.
    pub(crate) fn audit(&self, watch: &mut Watch<'_>) -> Result<Audit, MaintenanceError> {
        let scan = self.scan()?;
        let total = scan.estimate(|db| &db.heads) + scan.estimate(|db| &db.rows);
        let mut steps = Steps::new(watch, total);
        let (mut heads, mut rows) = (scan.records(|db| &db.heads)?, scan.records(|db| &db.rows)?);
        let mut audit = Audit::default();
        // Both are sorted by post: no byte of an id is as low as the zero that ends it in a row.
        while let Some(post) = first(heads.peek(), rows.peek())? {
            let head = match heads.peek() {
                Some((key, _)) if **key == *post.as_str().as_bytes() => heads.take()?,
                _ => None,
            };
            steps.one()?;
            let head = head.map(|(_, value)| decode_head(post.clone(), &value)).transpose()?;
            let (counts, read) = count(&mut rows, &post, || steps.one())?;
            audit.posts += 1;
            audit.rows += read;
            self.compare(&mut audit, &post, &counts, head)?;
        }
        steps.end()?;
        Ok(audit)
    }

    /// Recounts one post.
    pub(crate) fn recount(&self, post: &PostId) -> Result<Recount, PortError> {
        let scan = self.scan()?;
        let head = one_head(&scan, post)?;
        let mut rows = scan.records_from(|db| &db.rows, row_prefix(post))?;
        let (counts, rows) = count(&mut rows, post, || Ok::<(), PortError>(()))?;
        Ok(Recount { counts, rows, head })
    }

    fn compare(
        &self,
        audit: &mut Audit,
        post: &PostId,
        rows: &Counts,
        head: Option<PostState>,
    ) -> Result<(), PortError> {
        let kept = head.as_ref().map(|head| head.counts.clone()).unwrap_or_default();
        audit.check(post, Side::Head, rows, kept);
        let Some(mut truth) = head else { return Ok(()) };
        // The board may have gone on since the moment of the scan, or be about to follow it.
        for _ in 0..CATCH_UPS {
            let board = self.board.get(post).map(|(state, _)| state);
            if board.as_ref().is_some_and(|board| board.version == truth.version) {
                break;
            }
            std::thread::sleep(CATCH_UP);
            truth = self.head_now(post)?.unwrap_or(truth);
        }
        let board = self.board.get(post).map(|(state, _)| state.counts).unwrap_or_default();
        if board != truth.counts {
            audit.add(post, Side::Board, truth.counts, board);
        }
        Ok(())
    }

    fn head_now(&self, post: &PostId) -> Result<Option<PostState>, PortError> {
        let head = self.engine.with(|db| reads::head(db, post))?;
        Ok(head.map(|head| head.state(post.clone())))
    }
}

impl Audit {
    fn check(&mut self, post: &PostId, side: Side, rows: &Counts, counts: Counts) {
        if *rows != counts {
            self.add(post, side, rows.clone(), counts);
        }
    }

    fn add(&mut self, post: &PostId, side: Side, rows: Counts, counts: Counts) {
        self.different += 1;
        if self.differences.len() < LISTED {
            self.differences.push(Difference { post: post.clone(), side, rows, counts });
        }
    }
}

/// The post that comes next among heads and rows.
fn first(head: Option<&Record>, row: Option<&Record>) -> Result<Option<PostId>, PortError> {
    let head = head.map(|(key, _)| &**key);
    let row = row.map(|(key, _)| post_part(key));
    let key = match (head, row) {
        (Some(head), Some(row)) => Some(head.min(row)),
        (head, row) => head.or(row),
    };
    key.map(|key| post_of(key).map_err(Into::into)).transpose()
}

/// Takes the rows of a post, the next ones if there are any, and counts them.
fn count<E: From<PortError>>(
    rows: &mut Records<'_>,
    post: &PostId,
    mut each: impl FnMut() -> Result<(), E>,
) -> Result<(Counts, u64), E> {
    let (mut counts, mut read) = (Counts::new(), 0);
    while let Some((key, value)) = rows.peek()
        && post_part(key) == post.as_str().as_bytes()
    {
        if let (Some(kind), _) = decode_held(value).map_err(PortError::from)? {
            counts.set(kind, counts.get(kind) + 1);
        }
        read += 1;
        rows.take()?;
        each()?;
    }
    Ok((counts, read))
}

fn one_head(scan: &Scan<'_>, post: &PostId) -> Result<Option<PostState>, PortError> {
    let key = post.as_str().as_bytes();
    let heads = scan.records_from(|db| &db.heads, key.to_vec())?;
    let found = heads.peek().filter(|(found, _)| **found == *key);
    found.map(|(_, value)| decode_head(post.clone(), value)).transpose()
}

fn decode_head(post: PostId, value: &[u8]) -> Result<PostState, PortError> {
    let head: Head = decode("head", value)?;
    Ok(head.state(post))
}

fn post_part(row_key: &[u8]) -> &[u8] {
    let end = row_key.iter().position(|&byte| byte == 0);
    &row_key[..end.unwrap_or(row_key.len())]
}
