//! From the log: every change since some time, up to the end that the log had at the start.
//!
//! Is that more accurate than the truth? An event carries the counts that a commit made, and their
//! version: it is a copy of the truth as it was then, and can never be more right than it. It can be
//! newer than what was read from the truth a moment before, and then it wins, by its version. It
//! cannot tell of a post that nobody reacted to since, nor of an event that never reached the log.
//! So a replay ends with a comparison, which names the posts that it could not cover.

use kudos_core::ports::{LogError, LogPage, Position, TimedLog};
use kudos_core::{Change, PortError, PostState};
use kudos_projection::Digest;
use std::time::Duration;
use tokio::sync::mpsc;

use crate::checkpoint::{Checkpoint, Log};
use crate::error::RebuildError;
use crate::progress::Phase;
use crate::proof::Mend;
use crate::{Rebuild, RebuildReport};

/// Pages of the log that wait to be written.
const AHEAD: usize = 2;

/// What becomes of the posts of which the log tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// They are named, and left as they are.
    Named,
    /// They are taken from the truth.
    FromTruth,
}

impl Rebuild {
    /// Replays what reached the log within `span` before now, or before the first start of a rebuild
    /// that is resumed.
    ///
    /// # Errors
    /// A backend that does not answer for too long, or a checkpoint that cannot be written.
    pub async fn from_log(
        &self,
        log: &dyn TimedLog,
        span: Duration,
        rest: Rest,
        checkpoint: &Checkpoint,
    ) -> Result<RebuildReport, RebuildError> {
        let loss = self.begin(checkpoint).await?;
        let events = self.replay(log, span, checkpoint).await?;
        let mend = match rest {
            Rest::Named => Mend::No,
            Rest::FromTruth => Mend::Yes,
        };
        let mut report = RebuildReport { events, ..RebuildReport::default() };
        report.verified = self.prove(mend).await;
        // Every post was seen to be in the orders, so that none is lacking.
        if report.is_right() {
            report.complete = self.complete(loss.as_ref()).await?;
        }
        checkpoint.remove().await?;
        Ok(report)
    }

    /// How many records a replay would read: at most so many, where the log was compacted or holds
    /// what is not a change.
    ///
    /// # Errors
    /// The log does not answer for too long.
    pub async fn span_of_log(
        &self,
        log: &dyn TimedLog,
        span: Duration,
    ) -> Result<u64, RebuildError> {
        let (at, end) = self.bounds(log, self.since(span)).await?;
        Ok(at.0.iter().zip(&end.0).map(|(at, end)| end.saturating_sub(*at)).sum())
    }

    fn since(&self, span: Duration) -> u64 {
        self.ports.clock.now().minus(span).0
    }

    /// From where to where there is something to replay. A partition where nothing is that young
    /// begins at its end.
    async fn bounds(
        &self,
        log: &dyn TimedLog,
        since: u64,
    ) -> Result<(Position, Position), RebuildError> {
        let since = kudos_core::Millis(since);
        let begin = async || log.since(since).await;
        let end = async || log.head().await;
        Ok((
            self.until_done("seeking in the log", begin).await?,
            self.until_done("asking for the end of the log", end).await?,
        ))
    }

    async fn replay(
        &self,
        log: &dyn TimedLog,
        span: Duration,
        checkpoint: &Checkpoint,
    ) -> Result<u64, RebuildError> {
        let begun = match checkpoint.log() {
            Some(begun) => begun,
            None => {
                let since = self.since(span);
                let (at, end) = self.bounds(log, since).await?;
                let begun = Log::new(since, &at, &end);
                checkpoint.set_log(begun.clone());
                checkpoint.save().await?;
                begun
            }
        };
        let Some((mut at, end)) = begun.left() else { return Ok(begun.events) };
        self.progress.begin(Phase::Replaying, Some(distance(&at, &end)));
        let (send, mut pages) = mpsc::channel::<LogPage>(AHEAD);
        let from = at.clone();
        let read = async {
            // Moved in, so that the channel closes with the last page.
            let send = send;
            while at.is_before(&end) {
                let page = self.log_page(log, &at, begun.since).await?;
                at.clone_from(&page.next);
                if send.send(page).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        let write = async {
            let mut events = begun.events;
            while let Some(LogPage { changes, next }) = pages.recv().await {
                let new = changes.len() as u64;
                self.apply(changes).await?;
                events = checkpoint.replayed(&next, new);
                checkpoint.save_now_and_then(self.limits.save_every).await?;
                self.progress.is_at(distance(&from, &next));
                self.progress.replayed(events, new, self.limits.events_a_line);
            }
            Ok::<_, RebuildError>(events)
        };
        let ((), events) = futures::future::try_join(read, write).await?;
        checkpoint.save().await?;
        Ok(events)
    }

    /// A page of the log. What was cut off meanwhile is left out: where it begins now, it goes on.
    async fn log_page(
        &self,
        log: &dyn TimedLog,
        at: &Position,
        since: u64,
    ) -> Result<LogPage, RebuildError> {
        let read = async || match log.read(at, self.limits.log_page).await {
            Ok(page) if page.next == *at => Err(PortError::Timeout),
            Ok(page) => Ok(page),
            Err(LogError::Gone) => {
                let next = log.since(kudos_core::Millis(since)).await?;
                let moved = at.is_before(&next);
                let page = LogPage { changes: Vec::new(), next };
                if moved {
                    Ok(page)
                } else {
                    Err(PortError::Unavailable(LogError::Gone.to_string()))
                }
            }
            Err(LogError::Port(error)) => Err(error),
        };
        self.until_done("reading the log", read).await
    }

    /// Of each post only the newest state is written.
    async fn apply(&self, changes: Vec<Change>) -> Result<(), RebuildError> {
        let wanted =
            |change: &Change| self.scope.holds(&change.state.post, change.state.created_at);
        let Digest { changes, restated } = Digest::of(changes.into_iter().filter(wanted));
        let states: Vec<PostState> = changes.into_iter().map(|change| change.state).collect();
        if !states.is_empty() {
            let merge = async || self.ports.live.merge(&states).await;
            self.until_done("writing the live counts", merge).await?;
        }
        if !restated.is_empty() {
            let read = async || self.ports.truth.snapshots(&restated).await;
            let snapshots = self.until_done("reading the truth", read).await?;
            self.restate(&self.scope.narrow(snapshots.into_iter().flatten().collect())).await?;
        }
        Ok(())
    }
}

/// How many records lie between two positions.
fn distance(from: &Position, to: &Position) -> u64 {
    from.0.iter().zip(&to.0).map(|(from, to)| to.saturating_sub(*from)).sum()
}
