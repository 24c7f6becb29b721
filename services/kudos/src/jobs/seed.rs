//! Fills in posts and reactions that look real.

use std::sync::Arc;

use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use kudos_core::ports::{PostStore, ReactionStore, Upserted};
use kudos_core::{Clock, SystemClock};
use kudos_seed::{Plan, Reaction, Seed};
use serde::{Deserialize, Serialize};

use super::{IN_FLIGHT, JobError, Outcome, Place, Reporter};

/// How much to seed.
#[derive(Debug, Clone, Copy, Args, Serialize, Deserialize)]
pub(crate) struct SeedArgs {
    /// Posts
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) posts: u32,
    /// Users who react
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) users: u32,
    /// Reactions of these users on these posts
    #[arg(long, default_value_t = 20_000)]
    pub(crate) reactions: u64,
    /// Another number makes other posts
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

impl From<SeedArgs> for Seed {
    fn from(SeedArgs { posts, users, reactions, seed }: SeedArgs) -> Self {
        Self { posts, users, reactions, seed }
    }
}

#[derive(Default, Serialize)]
struct Summary {
    posts: u64,
    reactions: u64,
    new_posts: u64,
    new_reactions: u64,
}

/// Writes the seed. What is there already stays as it is.
pub(super) async fn run(
    place: &Place,
    args: SeedArgs,
    reporter: &Reporter,
) -> Result<Outcome, JobError> {
    if args.reactions > u64::from(args.posts) * u64::from(args.users) {
        return Err(JobError::TooManyReactions);
    }
    let (store, seed) = (&place.backends.store, Seed::from(args));
    // The first post carries the moment that the whole seed hangs on.
    let first = store.meta(&Plan::post_id(&seed, 0)?).await?;
    let now = first.map_or_else(|| SystemClock.now(), |first| Plan::anchor(first.created_at));
    let plan = Arc::new(Plan::new(seed, Arc::clone(&place.kinds), now));
    let mut summary = Summary::default();

    summary.new_posts += u64::from(store.upsert(&plan.post(0)?).await? == Upserted::Created);
    summary.posts = 1;
    let writing = (Arc::clone(store), Arc::clone(&plan));
    let upsert = move |n| {
        let (store, plan) = writing.clone();
        async move { Ok::<_, JobError>(store.upsert(&plan.post(n)?).await?) }
    };
    let mut upserts = stream::iter(1..args.posts).map(upsert).buffer_unordered(IN_FLIGHT).boxed();
    while let Some(upserted) = upserts.try_next().await? {
        summary.posts += 1;
        summary.new_posts += u64::from(upserted == Upserted::Created);
        reporter.progress("posts", summary.posts, Some(args.posts.into()));
    }

    let reactions = (0..args.posts).flat_map(move |n| Arc::clone(&plan).reactions(n));
    let operations = reactions.map(|reaction| reaction.map(Reaction::operation));
    let writing = Arc::clone(store);
    let apply = move |op| {
        let store = Arc::clone(&writing);
        async move { Ok::<_, JobError>(store.apply(op?).await?) }
    };
    let mut applies = stream::iter(operations).map(apply).buffer_unordered(IN_FLIGHT).boxed();
    while let Some(applied) = applies.try_next().await? {
        summary.reactions += 1;
        summary.new_reactions += u64::from(applied.outcome.changed && !applied.replayed);
        reporter.progress("reactions", summary.reactions, Some(args.reactions));
    }
    let Summary { posts, reactions, new_posts, new_reactions } = summary;
    let text =
        format!("{posts} posts ({new_posts} new), {reactions} reactions ({new_reactions} new)");
    Outcome::new(0, text, &summary)
}
