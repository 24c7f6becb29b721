//! What reached the log since a moment, told again.

use std::collections::BTreeMap;

use kudos_core::ports::{DueWindow, LogError, Position, Reach};
use kudos_core::{Millis, PortError};
use tokio::time::sleep;

use super::Loader;
use super::metrics::Told;
use crate::digest::Digest;
use crate::teller::Doubt;

/// Windows of the journal that are looked at.
const WINDOWS: usize = 1_000;

/// The journal's windows that wait for delivery, and since when that is known.
#[derive(Default)]
pub(super) struct Waiting(BTreeMap<(String, u64), Millis>);

impl Waiting {
    /// Since when the oldest has been waiting; `now` if none is.
    pub(super) fn oldest(&mut self, due: Vec<DueWindow>, now: Millis) -> Millis {
        let known = std::mem::take(&mut self.0);
        let since = |key: &(String, u64)| known.get(key).copied().unwrap_or(now);
        let due = due.into_iter().map(|window| (window.instance, window.window));
        self.0 = due.map(|key| (key.clone(), since(&key))).collect();
        self.0.values().copied().min().unwrap_or(now)
    }
}

impl Loader {
    /// Since when something has been waiting in the journal, `now` if nothing does; none if that
    /// cannot be told because there is too much.
    pub(super) async fn oldest_due(
        &self,
        waiting: &mut Waiting,
        now: Millis,
    ) -> Result<Option<Millis>, PortError> {
        let due = self.windows.due(WINDOWS).await?;
        Ok((due.len() < WINDOWS).then(|| waiting.oldest(due, now)))
    }

    /// Tells the sink of every post in `reach` that changed since `since`, or of which the journal
    /// says that somebody missed a change; and once more of those that did so until a little
    /// later: what the log missed is in a window that may still have been open.
    pub(super) async fn replay(&self, since: Millis, reach: &Reach, told: &Told) {
        let mut at = self.until_done(|| self.bounded(self.log.since(since))).await;
        for pause in [None, Some(self.settings.settle())] {
            if let Some(pause) = pause {
                sleep(pause).await;
            }
            self.until_done(|| self.tell_due(reach, told)).await;
            at = self.follow(at, since, reach, told).await;
        }
    }

    /// Reads on to the present end of the log.
    async fn follow(
        &self,
        mut at: Position,
        since: Millis,
        reach: &Reach,
        told: &Told,
    ) -> Position {
        let head = self.until_done(|| self.bounded(self.log.head())).await;
        while at.is_before(&head) {
            at = self.until_done(|| self.page(&at, since, reach, told)).await;
        }
        at
    }

    /// Tells of one page, and answers where the next one begins.
    async fn page(
        &self,
        at: &Position,
        since: Millis,
        reach: &Reach,
        told: &Told,
    ) -> Result<Position, PortError> {
        let page = async {
            match self.log.read(at, self.settings.page).await {
                Ok(page) => Ok(Some(page)),
                Err(LogError::Gone) => Ok(None),
                Err(LogError::Port(error)) => Err(error),
            }
        };
        let Some(page) = self.bounded(page).await? else {
            // It was cut off meanwhile: what it held is read again from where it begins now.
            return self.bounded(self.log.since(since)).await;
        };
        if page.next == *at {
            return Err(PortError::Timeout);
        }
        let reached = page.changes.into_iter().filter(|change| reach(&change.state.post));
        let Digest { changes, restated } = Digest::of(reached);
        self.sink.tell(&restated, Doubt::None).await?;
        self.sink.tell_changes(&changes).await?;
        self.count(restated.len() + changes.len(), told);
        Ok(page.next)
    }

    /// Tells of the posts in windows of the journal that are due.
    async fn tell_due(&self, reach: &Reach, told: &Told) -> Result<(), PortError> {
        for window in self.bounded(self.windows.due(WINDOWS)).await? {
            let mut after = None;
            loop {
                let posts = self.windows.posts(&window, after.as_ref(), self.settings.page);
                let mut posts = self.bounded(posts).await?;
                let Some(last) = posts.last().cloned() else { break };
                posts.retain(|post| reach(post));
                self.sink.tell(&posts, Doubt::None).await?;
                self.count(posts.len(), told);
                after = Some(last);
            }
        }
        Ok(())
    }
}
