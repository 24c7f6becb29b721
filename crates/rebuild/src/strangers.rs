//! What the live counts hold and the truth does not know: counts of posts that never were, places
//! in orders.
//!
//! A post may be new: stored after the truth was asked, and told before it was forgotten. So the
//! truth is asked again after forgetting, and what it knows by then is told again. Who stores a post
//! still later tells of it later, too.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt, TryStreamExt};
use kudos_core::PostId;

use crate::progress::Phase;
use crate::{Rebuild, RebuildError};

/// Posts that the truth is asked about at once.
const AT_ONCE: usize = 32;

/// Strangers that a dry run remembers, so as not to count them twice.
const MOST: usize = 1_000_000;

/// Whether strangers are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    Done,
    Counted,
}

impl Rebuild {
    /// Removes strangers, or counts them. None is looked for if only posts of some time are rebuilt:
    /// when a stranger was created, nobody knows.
    pub(crate) async fn strangers(&self, removal: Removal) -> Result<u64, RebuildError> {
        if self.scope.since.is_some() {
            return Ok(0);
        }
        self.progress.begin(Phase::Strangers, None);
        if let Some(posts) = &self.scope.posts {
            let mut strangers = self.unknown(posts.clone()).await?;
            let held = async || self.ports.live.entries(&strangers).await;
            let held = self.until_done("reading the live counts", held).await?;
            let mut held = held.iter();
            strangers.retain(|_| held.next().is_some_and(Option::is_some));
            return self.remove(&strangers, removal).await;
        }
        let (mut removed, mut after) = (0, None);
        // A dry run may meet one twice: that is noticed of so many.
        let mut counted = BTreeSet::new();
        loop {
            let page = async || self.ports.holdings.held(after.as_ref(), self.limits.page).await;
            let page = self.until_done("walking the live counts", page).await?;
            self.progress.did(page.posts.len());
            let posts: BTreeSet<PostId> =
                page.posts.into_iter().filter(|post| self.scope.reaches(post)).collect();
            let mut strangers = self.unknown(posts.into_iter().collect()).await?;
            if removal == Removal::Counted {
                strangers.retain(|post| !counted.contains(post));
                counted.extend(strangers.iter().take(MOST - MOST.min(counted.len())).cloned());
            }
            removed += self.remove(&strangers, removal).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(removed),
            }
        }
    }

    async fn unknown(&self, posts: Vec<PostId>) -> Result<Vec<PostId>, RebuildError> {
        let ask = |post: PostId| async move {
            let meta = async || self.ports.posts.meta(&post).await;
            let known = self.until_done("asking the truth for a post", meta).await?.is_some();
            Ok::<_, RebuildError>((!known).then_some(post))
        };
        let asked: Vec<Option<PostId>> =
            stream::iter(posts).map(ask).buffered(AT_ONCE).try_collect().await?;
        Ok(asked.into_iter().flatten().collect())
    }

    async fn remove(&self, strangers: &[PostId], removal: Removal) -> Result<u64, RebuildError> {
        if strangers.is_empty() || removal == Removal::Counted {
            return Ok(strangers.len() as u64);
        }
        Ok((strangers.len() - self.forget(strangers).await?) as u64)
    }

    /// Forgets posts, and tells of those that the truth knows. How many it does.
    pub(crate) async fn forget(&self, posts: &[PostId]) -> Result<usize, RebuildError> {
        let forget = async || self.ports.holdings.forget(posts).await;
        self.until_done("removing from the live counts", forget).await?;
        let read = async || self.ports.truth.snapshots(posts).await;
        let known = self.until_done("reading the truth", read).await?;
        let known: Vec<_> = known.into_iter().flatten().collect();
        self.restate(&known).await?;
        Ok(known.len())
    }
}
