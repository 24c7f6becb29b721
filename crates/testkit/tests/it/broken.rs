//! Truths and projections that are broken on purpose. A suite that one of them passes checks nothing: each defect
//! names the checks that have to find it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use kudos_core::ports::{LiveCounts, LiveEntry, ReactionStore, ReactorPage};
use kudos_core::{
    Applied, ApplyError, Kind, Millis, OpId, Operation, PortError, PostId, PostState, RankEntry,
    TimeKey, UserId,
};
use kudos_testkit::contract::{
    Backend, HasLive, HasReactions, live_counts, reaction_history, reaction_store,
};
use kudos_testkit::{MemoryLive, MemoryTruth};

use crate::finds::broken;

broken! {
    a_store_that_ignores_operation_ids_is_found: Truth<IGNORES_IDS>, found by
        reaction_store::a_retry_gets_the_first_answer_and_writes_nothing,
        reaction_store::a_retried_like_does_not_undo_a_later_unlike,
        reaction_store::the_same_operation_from_sixteen_tasks_is_applied_once,
        reaction_history::random_histories_agree_with_the_model,
        reaction_history::what_was_acknowledged_survives_restarts;
    a_store_that_counts_retries_is_found: Truth<COUNTS_RETRIES>, found by
        reaction_store::a_retry_gets_the_first_answer_and_writes_nothing,
        reaction_store::four_hundred_users_on_one_post_are_four_hundred,
        reaction_history::random_histories_agree_with_the_model;
    a_store_that_loses_writes_is_found: Truth<LOSES_WRITES>, found by
        reaction_store::four_hundred_users_on_one_post_are_four_hundred,
        reaction_history::what_was_acknowledged_survives_restarts;
    a_store_that_forgets_at_a_restart_is_found: Truth<FORGETS_AT_RESTART>, found by
        reaction_history::what_was_acknowledged_survives_restarts;
    a_store_that_answers_wrong_counts_once_is_found: Truth<MISCOUNTS_AN_ANSWER>, found by
        reaction_history::what_was_acknowledged_survives_restarts;
    a_projection_that_lets_old_versions_win_is_found: Live<OLD_VERSIONS_WIN>, found by
        live_counts::a_newer_version_wins_and_an_older_one_is_ignored,
        live_counts::any_order_and_repetition_of_states_converges;
    a_projection_that_breaks_ties_by_id_alone_is_found: Live<TIES_BY_ID>, found by
        live_counts::the_top_is_a_sort_with_ties_and_windows;
    a_projection_that_ignores_the_window_is_found: Live<IGNORES_WINDOW>, found by
        live_counts::the_top_is_a_sort_with_ties_and_windows;
    a_projection_in_which_the_last_hide_wins_is_found: Live<THE_LAST_HIDE_WINS>, found by
        live_counts::the_newest_revision_decides_whether_a_post_is_hidden;
    a_projection_that_cuts_ties_at_a_page_is_found: Live<PAGES_BY_TIME_ALONE>, found by
        live_counts::a_walk_through_time_repeats_and_skips_nothing_while_counts_change;
}

const IGNORES_IDS: u8 = 0;
const COUNTS_RETRIES: u8 = 1;
const LOSES_WRITES: u8 = 2;
const FORGETS_AT_RESTART: u8 = 3;
const MISCOUNTS_AN_ANSWER: u8 = 4;

/// A truth with one defect.
#[derive(Default)]
struct Truth<const DEFECT: u8>(Arc<BrokenTruth<DEFECT>>);

#[derive(Default)]
struct BrokenTruth<const DEFECT: u8> {
    inner: MemoryTruth,
    /// What a restart goes back to.
    old: MemoryTruth,
    applied: AtomicU64,
    miscounted: AtomicBool,
}

impl<const DEFECT: u8> Backend for Truth<DEFECT> {
    async fn open() -> Self {
        Self::default()
    }

    async fn restart(self) -> Self {
        if DEFECT != FORGETS_AT_RESTART {
            return self;
        }
        Self(Arc::new(BrokenTruth { inner: self.0.old.fork(), ..BrokenTruth::default() }))
    }
}

impl<const DEFECT: u8> HasReactions for Truth<DEFECT> {
    fn reactions(&self) -> Arc<dyn ReactionStore> {
        self.0.clone()
    }
}

#[async_trait]
impl<const DEFECT: u8> ReactionStore for BrokenTruth<DEFECT> {
    async fn apply(&self, mut op: Operation) -> Result<Applied, ApplyError> {
        let n = self.applied.fetch_add(1, Ordering::SeqCst) + 1;
        match DEFECT {
            IGNORES_IDS => {
                op.id = OpId(u128::from(n).to_le_bytes());
                self.inner.apply(op).await
            }
            COUNTS_RETRIES => {
                let applied = self.inner.apply(op.clone()).await?;
                if applied.replayed {
                    let ghost = UserId::new(&format!("{}~{n}", op.user)).unwrap();
                    self.inner.apply(Operation { user: ghost, ..op }).await?;
                }
                Ok(applied)
            }
            LOSES_WRITES if n.is_multiple_of(40) => self.inner.fork().apply(op).await,
            FORGETS_AT_RESTART => {
                // Every tenth write is acknowledged before it is durable.
                let applied = self.inner.apply(op.clone()).await?;
                if n.is_multiple_of(10) {
                    return Ok(applied);
                }
                self.old.apply(op).await?;
                Ok(applied)
            }
            MISCOUNTS_AN_ANSWER if n >= 100 => {
                let mut applied = self.inner.apply(op).await?;
                // What is refused, or changes nothing, has no counts of its own to be wrong.
                let counts = applied.outcome.changed && !applied.replayed;
                if !counts || self.miscounted.swap(true, Ordering::Relaxed) {
                    return Ok(applied);
                }
                let wrong = applied.outcome.counts.get(Kind(0)) + 1;
                applied.outcome.counts.set(Kind(0), wrong);
                applied.state.counts = applied.outcome.counts.clone();
                Ok(applied)
            }
            _ => self.inner.apply(op).await,
        }
    }

    async fn states(&self, posts: &[PostId]) -> Result<Vec<Option<PostState>>, PortError> {
        self.inner.states(posts).await
    }

    async fn held(&self, user: &UserId, posts: &[PostId]) -> Result<Vec<Option<Kind>>, PortError> {
        self.inner.held(user, posts).await
    }

    async fn reactors(
        &self,
        post: &PostId,
        kind: Option<Kind>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<ReactorPage, PortError> {
        self.inner.reactors(post, kind, after, limit).await
    }
}

const OLD_VERSIONS_WIN: u8 = 0;
const TIES_BY_ID: u8 = 1;
const IGNORES_WINDOW: u8 = 2;
const PAGES_BY_TIME_ALONE: u8 = 3;
const THE_LAST_HIDE_WINS: u8 = 4;

/// A live projection with one defect.
#[derive(Default)]
struct Live<const DEFECT: u8>(Arc<BrokenLive<DEFECT>>);

#[derive(Default)]
struct BrokenLive<const DEFECT: u8>(MemoryLive);

impl<const DEFECT: u8> Backend for Live<DEFECT> {
    async fn open() -> Self {
        Self::default()
    }
}

impl<const DEFECT: u8> HasLive for Live<DEFECT> {
    fn live(&self) -> Arc<dyn LiveCounts> {
        self.0.clone()
    }
}

#[async_trait]
impl<const DEFECT: u8> LiveCounts for BrokenLive<DEFECT> {
    async fn merge(&self, states: &[PostState]) -> Result<(), PortError> {
        if DEFECT == OLD_VERSIONS_WIN {
            states.iter().for_each(|state| self.0.lose(&state.post));
        }
        self.0.merge(states).await
    }

    async fn hide(&self, post: &PostId, hidden: bool, revision: u64) -> Result<(), PortError> {
        if DEFECT == THE_LAST_HIDE_WINS {
            let state = self.0.states(std::slice::from_ref(post)).await?;
            self.0.lose(post);
            self.0.merge(&state.into_iter().flatten().collect::<Vec<_>>()).await?;
        }
        self.0.hide(post, hidden, revision).await
    }

    async fn entries(&self, posts: &[PostId]) -> Result<Vec<Option<LiveEntry>>, PortError> {
        self.0.entries(posts).await
    }

    async fn top(&self, since: Option<Millis>, limit: usize) -> Result<Vec<RankEntry>, PortError> {
        let since = since.filter(|_| DEFECT != IGNORES_WINDOW);
        let mut ranks = self.0.top(since, usize::MAX).await?;
        if DEFECT == TIES_BY_ID {
            ranks.sort_by_key(|e| (u64::MAX - e.total, e.post.clone()));
        }
        ranks.truncate(limit);
        Ok(ranks)
    }

    async fn recent(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<TimeKey>, PortError> {
        if DEFECT != PAGES_BY_TIME_ALONE {
            return self.0.recent(since, after, limit).await;
        }
        let mut keys = self.0.recent(since, None, usize::MAX).await?;
        keys.retain(|key| after.is_none_or(|after| key.created_at < after.created_at));
        keys.truncate(limit);
        Ok(keys)
    }
}
