use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use futures::{StreamExt, stream};
use kudos_core::ports::PostStore;
use kudos_core::{Applied, ApplyError, Kinds, Operation, PortError, PostId, UserId};
use kudos_import::Reaction;
use tokio::task::block_in_place;

use super::refusals::Refusals;
use super::source::Source;
use crate::jobs::{IN_FLIGHT, JobError, Place, Reporter};

type Records = Vec<(u64, Reaction)>;

/// Applies the reactions of a file.
///
/// A line is an operation whose id follows from its content: taken again it changes nothing. The
/// store refuses, in the same commit, what is older than what the user did since.
pub(super) async fn import(
    place: &Place,
    source: &mut Source,
    refusals: &mut Refusals,
    reporter: &Reporter,
) -> Result<(), JobError> {
    let kinds = &place.kinds;
    let parse = |columns: &kudos_import::Columns, bytes: &[u8]| columns.reaction(bytes, kinds);
    while let Some(batch) = block_in_place(|| source.batch(parse))? {
        for (line, refusal) in &batch.refused {
            refusals.add(source.path(), *line, refusal).await?;
        }
        source.tally.refused += batch.refused.len() as u64;
        let known = known(place, source, batch.records, refusals).await?;
        let latest = latest(known, &mut source.tally.superseded);
        apply(place, source, latest, refusals).await?;
        refusals.flush()?;
        source.save()?;
        reporter.progress(source.role().name(), source.lines(), Some(source.estimate()));
    }
    Ok(())
}

/// Refuses reactions to posts that take none.
async fn known(
    place: &Place,
    source: &mut Source,
    records: Records,
    refusals: &mut Refusals,
) -> Result<Records, JobError> {
    let mut known = Vec::with_capacity(records.len());
    for (line, reaction) in records {
        let refusal = match place.backends.store.meta(&reaction.post).await? {
            Some(meta) if meta.hidden => Some("is hidden"),
            None if place.require_known => Some("is not stored"),
            _ => None,
        };
        match refusal {
            None => known.push((line, reaction)),
            Some(why) => {
                source.tally.refused += 1;
                let reason = format!("the post {} {why}", reaction.post);
                refusals.add(source.path(), line, &reason).await?;
            }
        }
    }
    Ok(known)
}

/// The winner of each user and post: the latest time, of equals the later line. One batch so
/// holds no two operations whose order matters.
fn latest(records: Records, superseded: &mut u64) -> Records {
    let mut latest: HashMap<(PostId, UserId), (u64, Reaction)> = HashMap::new();
    for (line, reaction) in records {
        match latest.entry((reaction.post.clone(), reaction.user.clone())) {
            Entry::Vacant(slot) => drop(slot.insert((line, reaction))),
            Entry::Occupied(mut held) => {
                *superseded += 1;
                if held.get().1.at <= reaction.at {
                    held.insert((line, reaction));
                }
            }
        }
    }
    latest.into_values().collect()
}

async fn apply(
    place: &Place,
    source: &mut Source,
    records: Records,
    refusals: &mut Refusals,
) -> Result<(), JobError> {
    let (store, kinds) = (Arc::clone(&place.backends.store), Arc::clone(&place.kinds));
    let import = move |(line, reaction): (u64, Reaction)| {
        let (store, op) = (Arc::clone(&store), operation(reaction, &kinds));
        async move { (line, store.import(op).await) }
    };
    let mut imports = stream::iter(records).map(import).buffer_unordered(IN_FLIGHT).boxed();
    while let Some((line, imported)) = imports.next().await {
        match imported {
            Ok(Some(Applied { outcome, replayed, .. })) if outcome.changed && !replayed => {
                source.tally.changed += 1;
            }
            Ok(Some(_)) => source.tally.unchanged += 1,
            Ok(None) | Err(ApplyError::Stale) => source.tally.superseded += 1,
            Err(ApplyError::Port(damaged @ PortError::Corrupt(_))) => {
                source.tally.refused += 1;
                refusals.add(source.path(), line, &damaged).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn operation(reaction: Reaction, kinds: &Kinds) -> Operation {
    let Reaction { post, user, kind, at } = reaction;
    let name = kind.map_or("", |kind| kinds.name(kind));
    // No id holds a slash, so two different lines have two different keys.
    let key = format!("import/{post}/{user}/{name}/{}", at.0);
    Operation::keyed(&key, post, user, kind, at)
}
