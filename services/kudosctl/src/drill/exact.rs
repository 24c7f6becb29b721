//! Whether every copy of the drill's posts is what was acknowledged.

use kudos_core::ports::{LiveCounts, ReactionStore, Snapshots};
use kudos_core::{PortError, PostId, PostState};
use serde::Serialize;

use crate::copies::Copies;

/// A copy that is not as it must be.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    pub(super) copy: &'static str,
    pub(super) post: String,
    pub(super) expected: u64,
    pub(super) found: String,
}

type Totals = Result<Vec<Option<u64>>, PortError>;

/// What differs from what the posts must have.
pub(super) async fn compare(copies: &Copies, expected: &[(PostId, u64)]) -> Vec<Difference> {
    let posts: Vec<PostId> = expected.iter().map(|(post, _)| post.clone()).collect();
    let total = |state: Option<PostState>| state.map(|state| state.counts.total());
    let totals = |states: Vec<Option<PostState>>| states.into_iter().map(total).collect();
    let (rows, truth, rollup, live, index) = futures::join!(
        rows(copies, &posts),
        copies.truth.store.states(&posts),
        rollup(copies, &posts),
        copies.live.states(&posts),
        copies.index.copies(&posts),
    );
    let index =
        index.map(|copies| copies.into_iter().map(|copy| Some(copy?.total)).collect::<Vec<_>>());
    let all: [(&'static str, Totals); 5] = [
        ("rows", rows),
        ("truth", truth.map(totals)),
        ("rollup", rollup),
        ("redis", live.map(totals)),
        ("elastic", index),
    ];
    all.into_iter().flat_map(|(copy, totals)| differences(copy, totals, expected)).collect()
}

async fn rows(copies: &Copies, posts: &[PostId]) -> Totals {
    let counted = posts.iter().map(|post| copies.truth.store.recount(post));
    let counted = futures::future::try_join_all(counted).await?;
    Ok(counted.into_iter().map(|counts| Some(counts.total())).collect())
}

async fn rollup(copies: &Copies, posts: &[PostId]) -> Totals {
    let rows = posts.iter().map(|post| copies.truth.rollup.read(post));
    let rows = futures::future::try_join_all(rows).await?;
    Ok(rows.into_iter().map(|row| Some(row?.total)).collect())
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
