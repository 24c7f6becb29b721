//! The order of a write: known post, truth, sinks.

use std::sync::Arc;

use kudos_core::ports::{PostStore, ReactionStore, Upserted};
use kudos_core::{Applied, ApplyError, Clock, Kinds, Millis, Operation, PortError, Post, PostId};
use kudos_degraded::Deadline;
use kudos_projection::{Covered, Deliveries};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;

use crate::settings::WriteSettings;

/// Why a write was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteError {
    /// The post was never stored, or is hidden.
    UnknownPost(PostId),
    /// The truth refused or failed.
    Apply(ApplyError),
}

impl From<PortError> for WriteError {
    fn from(error: PortError) -> Self {
        Self::Apply(error.into())
    }
}

impl From<ApplyError> for WriteError {
    fn from(error: ApplyError) -> Self {
        Self::Apply(error)
    }
}

/// A post to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its identifier.
    pub id: PostId,
    /// One line, at most [`MAX_TITLE_BYTES`](kudos_core::post::MAX_TITLE_BYTES).
    pub title: String,
    /// The text, at most [`MAX_BODY_BYTES`](kudos_core::post::MAX_BODY_BYTES).
    pub body: String,
    /// Who wrote it.
    pub author: String,
    /// When it was written. Without it, the time that is known of the post, or now.
    pub created_at: Option<Millis>,
}

/// Writes reactions and posts.
pub struct WriteService {
    truth: Arc<dyn ReactionStore>,
    posts: Arc<dyn PostStore>,
    deliveries: Deliveries,
    kinds: Arc<Kinds>,
    clock: Arc<dyn Clock>,
    settings: WriteSettings,
    reactions: Counter<u64>,
}

impl WriteService {
    /// A service over a truth, posts and sinks.
    pub fn new(
        truth: Arc<dyn ReactionStore>,
        posts: Arc<dyn PostStore>,
        deliveries: Deliveries,
        kinds: Arc<Kinds>,
        clock: Arc<dyn Clock>,
        settings: WriteSettings,
    ) -> Self {
        let reactions = opentelemetry::global::meter("kudos")
            .u64_counter("kudos_reactions")
            .with_description("Operations on reactions, by outcome")
            .build();
        Self { truth, posts, deliveries, kinds, clock, settings, reactions }
    }

    /// The kinds of the deployment.
    pub fn kinds(&self) -> &Arc<Kinds> {
        &self.kinds
    }

    /// The clock of the service.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Applies one operation. When it returns, the operation is durable and counted once, and
    /// every sink has it or the journal knows that it may not.
    pub async fn react(&self, op: Operation) -> Result<Applied, WriteError> {
        let user = op.user.clone();
        let deadline = Deadline::after(self.settings.truth_budget());
        let applied = deadline
            .run(async {
                let post = &op.post;
                let (known, covered) =
                    futures::join!(self.check_known(post), self.deliveries.cover(post));
                known?;
                let mut covered = covered?;
                let applied = self.commit(op, &mut covered).await?;
                Ok((applied, covered))
            })
            .await
            .unwrap_or(Err(WriteError::Apply(PortError::Timeout.into())));
        self.count(applied.as_ref().map(|(applied, _)| applied));
        let (applied, covered) = applied?;
        if let Some(change) = applied.change(&user) {
            covered.tell_change(&change).await;
        }
        Ok(applied)
    }

    /// Stores a post, and tells what is stored now.
    pub async fn upsert(&self, draft: Draft) -> Result<(Post, Upserted), WriteError> {
        let Draft { id, title, body, author, created_at } = draft;
        self.within_budget(async {
            let created_at = match created_at {
                Some(at) => at,
                // Of a hidden post too: it comes back to its place in time.
                None => match self.posts.meta(&id).await? {
                    Some(known) => known.created_at,
                    None => self.clock.now(),
                },
            };
            let post = Post { id, title, body, author, created_at };
            let mut covered = self.deliveries.cover(&post.id).await?;
            covered.doubt();
            let upserted = self.posts.upsert(&post).await?;
            covered.settle();
            if upserted != Upserted::Unchanged {
                covered.tell_post(&post.id).await;
            }
            Ok((post, upserted))
        })
        .await
    }

    /// Hides a post everywhere.
    pub async fn hide(&self, post: &PostId) -> Result<(), WriteError> {
        let hidden = self.within_budget(async {
            let mut covered = self.deliveries.cover(post).await?;
            covered.doubt();
            let hidden = self.posts.hide(post).await?;
            covered.settle();
            if hidden {
                covered.tell_post(post).await;
            }
            Ok(hidden)
        });
        match hidden.await? {
            true => Ok(()),
            false => Err(WriteError::UnknownPost(post.clone())),
        }
    }

    /// Applies an operation. If nobody knows afterwards whether it was committed, no sink is told:
    /// then the journal knows.
    async fn commit(
        &self,
        op: Operation,
        covered: &mut Covered<'_>,
    ) -> Result<Applied, ApplyError> {
        covered.doubt();
        fail::fail_point!("write::before_commit", |_| std::process::abort());
        let outcome = self.truth.apply(op).await;
        fail::fail_point!("write::after_commit", |_| std::process::abort());
        match &outcome {
            Err(ApplyError::Port(PortError::Busy { .. })) => covered.settle(),
            Err(ApplyError::Port(_)) => {}
            Ok(_) | Err(ApplyError::Stale | ApplyError::KeyReused) => covered.settle(),
        }
        outcome
    }

    async fn check_known(&self, post: &PostId) -> Result<(), WriteError> {
        match self.posts.meta(post).await? {
            Some(meta) if !meta.hidden => Ok(()),
            None if !self.settings.require_known => Ok(()),
            _ => Err(WriteError::UnknownPost(post.clone())),
        }
    }

    async fn within_budget<T>(
        &self,
        work: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, WriteError> {
        let deadline = Deadline::after(self.settings.truth_budget());
        Ok(deadline.run(work).await.unwrap_or(Err(PortError::Timeout))?)
    }

    fn count(&self, applied: Result<&Applied, &WriteError>) {
        let outcome = match applied {
            Ok(applied) if applied.replayed => "replayed",
            Ok(applied) if applied.outcome.changed => "changed",
            Ok(_) => "unchanged",
            Err(WriteError::UnknownPost(_)) => "unknown_post",
            Err(WriteError::Apply(ApplyError::Stale)) => "stale",
            Err(WriteError::Apply(ApplyError::KeyReused)) => "key_reused",
            Err(WriteError::Apply(ApplyError::Port(error))) => error.reason(),
        };
        self.reactions.add(1, &[KeyValue::new("outcome", outcome)]);
    }
}
