//! The rollup as whoever compares it with the truth sees it.
//!
//! A row that somebody wrote by hand has the clock's time as its timestamp, which is later than any
//! version: nothing that is put in its place is kept. It is told as a difference, and mended by
//! nobody until the table is emptied (`TRUNCATE`) and filled anew.

use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use kudos_core::ports::{Facts, Mirror, MirrorWalk, Projection, Put, Said, Standing};
use kudos_core::{Counts, PortError, PostId, Snapshot, Version};

use crate::codec::{damaged, post_id};
use crate::rollup::{IN_PARALLEL, Rollup};

const TABLE: &str = "reaction_counts";
/// More rows than can share a token by chance.
const MIN_PAGE: usize = 16;
const MAX_PAGE: usize = 10_000;

impl Rollup {
    fn facts(&self, counts: &Counts, total: u64, version: Version) -> Facts {
        Facts::new()
            .with_counts(counts, &self.kinds)
            .with("total", Said::Number(total))
            .with(Facts::VERSION, Said::Number(version.0))
    }

    async fn held_of(&self, post: &PostId) -> Result<Facts, PortError> {
        match self.read(post).await {
            Ok(Some(row)) => Ok(self.facts(&row.counts, row.total, row.version)),
            Ok(None) => Ok(Facts::new()),
            // One row that cannot be understood is a difference, and no reason to stop.
            Err(PortError::Corrupt(_)) => Ok(Facts::new().with("damaged", Said::Flag(true))),
            Err(error) => Err(error),
        }
    }

    /// The timestamp under which a row was written; none if there is no row.
    async fn written(&self, post: &PostId) -> Result<Option<i64>, PortError> {
        let rows = self.db.rows(&self.written, (post.as_str(),)).await?;
        let row = rows.maybe_first_row::<(Option<i64>,)>();
        Ok(row.map_err(|error| damaged("the rollup", error))?.map(|(at,)| at.unwrap_or(0)))
    }

    async fn take_away(&self, post: &PostId) -> Result<(), PortError> {
        match self.written(post).await? {
            // A deletion of the same timestamp wins, and no later one stands in the way.
            Some(at) => self.db.run(&self.remove, (at, post.as_str())).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Mirror for Rollup {
    fn name(&self) -> &'static str {
        Projection::name(self)
    }

    fn expected(&self, truth: &Snapshot) -> Facts {
        let state = &truth.state;
        match truth.hidden {
            true => Facts::new(),
            false => self.facts(&state.counts, state.counts.total(), state.version),
        }
    }

    async fn held(&self, posts: &[Snapshot]) -> Result<Vec<Facts>, PortError> {
        let reads: Vec<_> = posts.iter().map(|truth| self.held_of(&truth.post.id)).collect();
        stream::iter(reads).buffered(IN_PARALLEL).try_collect().await
    }

    fn candidates(&self, post: &PostId) -> Vec<Standing> {
        vec![Standing { post: post.clone(), place: TABLE.to_owned() }]
    }

    async fn stands(&self, standings: &[Standing]) -> Result<Vec<bool>, PortError> {
        let reads: Vec<_> = standings.iter().map(|at| self.written(&at.post)).collect();
        let written = stream::iter(reads).buffered(IN_PARALLEL);
        written.map_ok(|written| written.is_some()).try_collect().await
    }

    async fn walk(&self) -> Result<Box<dyn MirrorWalk + '_>, PortError> {
        Ok(Box::new(Walk { rollup: self, after: Some(i64::MIN) }))
    }

    async fn tell(&self, snapshots: &[Snapshot]) -> Result<(), PortError> {
        Put::all(self.put(snapshots).await?)
    }

    async fn remove(&self, standings: &[Standing]) -> Result<(), PortError> {
        let removals: Vec<_> = standings.iter().map(|at| self.take_away(&at.post)).collect();
        stream::iter(removals).buffer_unordered(IN_PARALLEL).try_collect().await
    }
}

/// All rows by their tokens.
struct Walk<'a> {
    rollup: &'a Rollup,
    /// The last token of the page before; none at the end.
    after: Option<i64>,
}

#[async_trait]
impl MirrorWalk for Walk<'_> {
    async fn next(&mut self, limit: usize) -> Result<Option<Vec<Standing>>, PortError> {
        let Some(after) = self.after else { return Ok(None) };
        let asked = limit.clamp(MIN_PAGE, MAX_PAGE) + 1;
        let bound = i32::try_from(asked).unwrap_or(i32::MAX);
        let rows = self.rollup.db.rows(&self.rollup.walk, (after, bound)).await?;
        let rows = rows.rows::<(i64, String)>().map_err(|error| damaged("the rollup", error))?;
        let rows = rows.collect::<Result<Vec<_>, _>>();
        let mut rows = rows.map_err(|error| damaged("the rollup", error))?;
        self.after = None;
        // Posts may share a token: those of the last one come with the next page, all together.
        if rows.len() == asked
            && let Some(last) = rows.last().map(|row| row.0)
        {
            rows.retain(|row| row.0 < last);
            self.after = rows.last().map(|row| row.0);
        }
        let standing =
            |(_, id): (i64, String)| Ok(Standing { post: post_id(&id)?, place: TABLE.to_owned() });
        rows.into_iter().map(standing).collect::<Result<_, PortError>>().map(Some)
    }
}
