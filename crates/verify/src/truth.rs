//! The truth, and how anything is asked that may be slow for a moment.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use kudos_core::ports::{MirrorWalk, ScanCursor, Share, Snapshots, Standing};
use kudos_core::{Counts, PortError, PostId, Snapshot};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use crate::report::Failure;
use crate::rows::ROWS;
use crate::settings::VerifySettings;

/// The name under which the truth fails.
pub(crate) const TRUTH: &str = "truth";
/// The pause after the first failure of a call; after each further one it is longer.
const PAUSE: Duration = Duration::from_millis(250);

/// Asks within a limit, again if that fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    limit: Duration,
    tries: u32,
}

impl Patience {
    pub(crate) fn of(settings: &VerifySettings) -> Self {
        Self { limit: settings.call_limit, tries: settings.tries.max(1) }
    }

    /// Asks `copy`.
    pub(crate) async fn ask<T, F>(
        self,
        copy: &'static str,
        call: impl Fn() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, PortError>>,
    {
        let mut tried = 0;
        loop {
            let answer = timeout(self.limit, call()).await;
            if let Some(answer) = self.judge(copy, answer, &mut tried).await {
                return answer;
            }
        }
    }

    /// The next step of a walk through `copy`.
    pub(crate) async fn step(
        self,
        copy: &'static str,
        walk: &mut dyn MirrorWalk,
        limit: usize,
    ) -> Result<Option<Vec<Standing>>, Failure> {
        let mut tried = 0;
        loop {
            let answer = timeout(self.limit, walk.next(limit)).await;
            if let Some(answer) = self.judge(copy, answer, &mut tried).await {
                return answer;
            }
        }
    }

    /// The answer, unless it is worth while to ask again: then waits until that.
    async fn judge<T>(
        self,
        copy: &'static str,
        answer: Result<Result<T, PortError>, Elapsed>,
        tried: &mut u32,
    ) -> Option<Result<T, Failure>> {
        *tried += 1;
        match answer.unwrap_or(Err(PortError::Timeout)) {
            Ok(answer) => Some(Ok(answer)),
            // What is damaged is not mended by asking again.
            Err(error) if *tried >= self.tries || matches!(error, PortError::Corrupt(_)) => {
                Some(Err(Failure { copy, why: error.to_string() }))
            }
            Err(_) => {
                sleep(PAUSE * *tried).await;
                None
            }
        }
    }
}

/// The truth, patiently asked.
pub(crate) struct PatientTruth {
    pub(crate) port: Arc<dyn Snapshots>,
    pub(crate) patience: Patience,
}

type Page = Result<Vec<Snapshot>, Failure>;

impl PatientTruth {
    /// Each post; none where it is not known.
    pub(crate) async fn read(&self, posts: &[PostId]) -> Result<Vec<Option<Snapshot>>, Failure> {
        self.patience.ask(TRUTH, || self.port.snapshots(posts)).await
    }

    pub(crate) async fn recount(&self, post: &PostId) -> Result<Counts, Failure> {
        self.patience.ask(ROWS, || self.port.recount(post)).await
    }

    /// All posts of a share, page by page. All of them are read in parts, side by side.
    pub(crate) fn pages(&self, share: Share, settings: &VerifySettings) -> BoxStream<'_, Page> {
        let parts = u32::try_from(settings.in_flight.clamp(1, 64)).unwrap_or(1);
        let shares: Vec<_> = match share {
            Share::ALL => (0..parts).map(|part| Share { part, of: parts }).collect(),
            share => vec![share],
        };
        let limit = settings.page;
        stream::select_all(shares.into_iter().map(|share| self.share(share, limit))).boxed()
    }

    fn share(&self, share: Share, limit: usize) -> BoxStream<'_, Page> {
        let first: Option<Option<ScanCursor>> = Some(None);
        let pages = stream::unfold(first, move |after| async move {
            let after = after?;
            let scan = || self.port.scan(share, after.as_ref(), limit);
            Some(match self.patience.ask(TRUTH, scan).await {
                Ok(page) => (Ok(page.snapshots), page.next.map(Some)),
                Err(error) => (Err(error), None),
            })
        });
        pages.boxed()
    }
}
