//! Whether every copy of the drill's posts is what was acknowledged.

use std::sync::Arc;

use kudos_cassandra::Cassandra;
use kudos_core::ports::{LiveCounts, ReactionStore, Snapshots};
use kudos_core::{PortError, PostId, PostState, SystemClock};
use kudos_elastic::Elastic;
use kudos_redis::RedisLive;
use kudos_runtime::start::BoxError;
use serde::Serialize;

use crate::settings::Settings;

/// A copy that is not as it must be.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    pub(super) copy: &'static str,
    pub(super) post: String,
    pub(super) expected: u64,
    pub(super) found: String,
}

/// Everything that holds a copy.
pub(super) struct Engines {
    truth: Cassandra,
    live: RedisLive,
    index: Elastic,
}

type Totals = Result<Vec<Option<u64>>, PortError>;

impl Engines {
    pub(super) async fn connect(settings: &Settings) -> Result<Self, BoxError> {
        let kinds = settings.kinds.clone();
        let clock = Arc::new(SystemClock);
        Ok(Self {
            truth: Cassandra::connect(&settings.cassandra, kinds.clone(), clock).await?,
            live: RedisLive::new(settings.redis.clone(), Arc::new(kinds.clone()), Arc::new(()))?,
            index: Elastic::new(&settings.elastic, kinds, Arc::new(()))?,
        })
    }

    /// What differs from what the posts must have.
    pub(super) async fn compare(&self, expected: &[(PostId, u64)]) -> Vec<Difference> {
        let posts: Vec<PostId> = expected.iter().map(|(post, _)| post.clone()).collect();
        let total = |state: Option<PostState>| state.map(|state| state.counts.total());
        let totals = |states: Vec<Option<PostState>>| states.into_iter().map(total).collect();
        let (rows, truth, rollup, live, index) = futures::join!(
            self.rows(&posts),
            self.truth.store.states(&posts),
            self.rollup(&posts),
            self.live.states(&posts),
            self.index.copies(&posts),
        );
        let index = index
            .map(|copies| copies.into_iter().map(|copy| Some(copy?.total)).collect::<Vec<_>>());
        let copies: [(&'static str, Totals); 5] = [
            ("rows", rows),
            ("truth", truth.map(totals)),
            ("rollup", rollup),
            ("redis", live.map(totals)),
            ("elastic", index),
        ];
        copies.into_iter().flat_map(|(copy, totals)| differences(copy, totals, expected)).collect()
    }

    async fn rows(&self, posts: &[PostId]) -> Totals {
        let counted = posts.iter().map(|post| self.truth.store.recount(post));
        let counted = futures::future::try_join_all(counted).await?;
        Ok(counted.into_iter().map(|counts| Some(counts.total())).collect())
    }

    async fn rollup(&self, posts: &[PostId]) -> Totals {
        let rows = posts.iter().map(|post| self.truth.rollup.read(post));
        let rows = futures::future::try_join_all(rows).await?;
        Ok(rows.into_iter().map(|row| Some(row?.total)).collect())
    }
}

fn differences(copy: &'static str, totals: Totals, expected: &[(PostId, u64)]) -> Vec<Difference> {
    let difference = |(post, expected): &(PostId, u64), found: String| Difference {
        copy,
        post: post.to_string(),
        expected: *expected,
        found,
    };
    match totals {
        Err(error) => expected.iter().take(1).map(|e| difference(e, error.to_string())).collect(),
        Ok(totals) => {
            let pairs = expected.iter().zip(totals);
            let wrong = pairs.filter(|((_, expected), found)| found.unwrap_or(0) != *expected);
            let shown = |found: Option<u64>| found.map_or("nothing".to_owned(), |n| n.to_string());
            wrong.map(|(expected, found)| difference(expected, shown(found))).collect()
        }
    }
}
