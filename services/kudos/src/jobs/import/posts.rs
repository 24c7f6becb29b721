use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt, stream};
use kudos_core::ports::{PostStore, Upserted};
use kudos_core::{PortError, Post, PostId};
use kudos_import::Columns;
use tokio::task::block_in_place;

use super::refusals::Refusals;
use super::source::Source;
use crate::jobs::{IN_FLIGHT, JobError, Place, Reporter};

/// Stores the posts of a file; of several lines about one post the last one stays.
pub(super) async fn import(
    place: &Place,
    source: &mut Source,
    refusals: &mut Refusals,
    reporter: &Reporter,
) -> Result<(), JobError> {
    while let Some(batch) = block_in_place(|| source.batch(Columns::post))? {
        for (line, refusal) in &batch.refused {
            refusals.add(source.path(), *line, refusal).await?;
        }
        source.tally.refused += batch.refused.len() as u64;
        let posts = latest(batch.records, &mut source.tally.superseded);
        let store = Arc::clone(&place.backends.store);
        let upsert = move |(line, post): (u64, Post)| {
            let store = Arc::clone(&store);
            async move { (line, store.upsert(&post).await) }
        };
        let mut upserts = stream::iter(posts).map(upsert).buffer_unordered(IN_FLIGHT).boxed();
        while let Some((line, upserted)) = upserts.next().await {
            match upserted {
                Ok(Upserted::Unchanged) => source.tally.unchanged += 1,
                Ok(Upserted::Created | Upserted::Updated) => source.tally.changed += 1,
                Err(damaged @ PortError::Corrupt(_)) => {
                    source.tally.refused += 1;
                    refusals.add(source.path(), line, &damaged).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        refusals.flush()?;
        source.save()?;
        reporter.progress(source.role().name(), source.lines(), Some(source.estimate()));
    }
    Ok(())
}

fn latest(records: Vec<(u64, Post)>, superseded: &mut u64) -> Vec<(u64, Post)> {
    let mut latest: HashMap<PostId, (u64, Post)> = HashMap::with_capacity(records.len());
    for (line, post) in records {
        let earlier = latest.insert(post.id.clone(), (line, post));
        *superseded += u64::from(earlier.is_some());
    }
    latest.into_values().collect()
}
