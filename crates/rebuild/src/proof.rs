//! Whether the live counts are what the truth says at the end: the verifier is asked, which mends
//! what differs and, if everything is rebuilt, removes what the truth does not know.

use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::{ScanCursor, ScanPage, Share, Snapshots};
use kudos_core::{Counts, PortError, PostId, Snapshot};
use kudos_verify::{Report, Verifier, VerifySettings};
use tokio_util::sync::CancellationToken;

use crate::Rebuild;
use crate::scope::Scope;

/// Whether what differs is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mend {
    Yes,
    No,
}

impl Rebuild {
    /// Compares what is to be rebuilt. Strangers are looked for only where all of it is, or by
    /// name: of a post that the truth does not know, nobody knows when it was created.
    pub(crate) async fn prove(&self, mend: Mend) -> Report {
        let settings = VerifySettings {
            // The rows are the truth's own affair.
            rows_every: 0,
            strangers: self.scope.is_all(),
            mend: mend == Mend::Yes,
            settle: self.limits.settle,
            page: self.limits.page,
            in_flight: self.limits.lanes,
            call_limit: self.limits.call,
            ..VerifySettings::default()
        };
        let truth = Narrowed { truth: self.ports.truth.clone(), scope: self.scope.clone() };
        let mirrors = self.ports.mirrors.clone();
        let verifier = Verifier::new(Arc::new(truth), mirrors, &self.ports.kinds, settings);
        // Who stops a rebuild drops it.
        let stop = CancellationToken::new();
        match &*self.scope {
            Scope::Posts(posts) => verifier.examine(posts, &stop).await,
            Scope::All | Scope::Part { .. } => {
                let mut show = |progress| self.progress.verified(progress);
                verifier.run(Share::ALL, &mut show, &stop).await
            }
        }
    }
}

/// The truth, of which a walk meets only what is rebuilt. Who asks for a post learns of any, so
/// that none is taken for a stranger.
struct Narrowed {
    truth: Arc<dyn Snapshots>,
    scope: Arc<Scope>,
}

#[async_trait]
impl Snapshots for Narrowed {
    async fn snapshots(&self, posts: &[PostId]) -> Result<Vec<Option<Snapshot>>, PortError> {
        self.truth.snapshots(posts).await
    }

    async fn settle(&self, post: &PostId) -> Result<Option<Snapshot>, PortError> {
        self.truth.settle(post).await
    }

    async fn scan(
        &self,
        share: Share,
        after: Option<&ScanCursor>,
        limit: usize,
    ) -> Result<ScanPage, PortError> {
        let ScanPage { snapshots, next } = self.truth.scan(share, after, limit).await?;
        Ok(ScanPage { snapshots: self.scope.narrow(snapshots), next })
    }

    async fn recount(&self, post: &PostId) -> Result<Counts, PortError> {
        self.truth.recount(post).await
    }
}
