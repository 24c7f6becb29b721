//! From the truth: the hottest posts, all posts, then what should not be there, then the proof.

use kudos_core::ports::{IndexOrder, IndexQuery, Loss, PostIndex};
use kudos_core::{PortError, Snapshot};
use kudos_degraded::Deadline;
use kudos_verify::Report;

use crate::checkpoint::Checkpoint;
use crate::error::RebuildError;
use crate::progress::Phase;
use crate::proof::Mend;
use crate::{Progress, Rebuild, RebuildReport};

impl Rebuild {
    /// Fills the live counts from the truth. `index` tells which posts are the hottest.
    ///
    /// # Errors
    /// A backend that does not answer for too long, or a checkpoint that cannot be written.
    pub async fn from_truth(
        &self,
        index: Option<&dyn PostIndex>,
        checkpoint: &Checkpoint,
    ) -> Result<RebuildReport, RebuildError> {
        let loss = self.begin(checkpoint).await?;
        let mut report = RebuildReport::default();
        if let Some(index) = index.filter(|_| checkpoint.needs_hottest()) {
            report.hottest = self.tell_hottest(index).await?;
            checkpoint.told_hottest();
        }
        report.told = self.fill(checkpoint).await?;
        // From here on the orders answer: what is left to do takes nothing away that is right.
        report.complete = self.complete(loss.as_ref()).await?;
        report.verified = self.prove(Mend::Yes).await;
        checkpoint.remove().await?;
        Ok(report)
    }

    /// What a rebuild would change, and changes nothing.
    pub async fn preview(&self) -> Report {
        self.prove(Mend::No).await
    }

    /// Notes in the checkpoint which loss is made up for, if all posts are rebuilt.
    pub(crate) async fn begin(
        &self,
        checkpoint: &Checkpoint,
    ) -> Result<Option<Loss>, RebuildError> {
        let mut loss = checkpoint.loss();
        if loss.is_none() && self.scope.is_all() {
            loss = self.missing().await?;
            if let Some(loss) = &loss {
                checkpoint.set_loss(loss);
            }
        }
        checkpoint.save().await?;
        Ok(loss)
    }

    /// Says that all posts were told since the loss. Whether nothing is lacking then.
    pub(crate) async fn complete(&self, loss: Option<&Loss>) -> Result<Option<bool>, RebuildError> {
        if !self.scope.is_all() {
            return Ok(None);
        }
        if let Some(loss) = loss {
            let mark = async || self.ports.completeness.mark_complete(loss).await;
            self.until_done("marking the orders as complete", mark).await?;
        }
        // Somebody else may have marked them, or they lost more meanwhile.
        Ok(Some(self.missing().await?.is_none()))
    }

    async fn missing(&self) -> Result<Option<Loss>, RebuildError> {
        let missing = async || self.ports.completeness.missing().await;
        self.until_done("asking whether the orders are complete", missing).await
    }

    /// The order of the index may lag: it is only about what comes first.
    async fn tell_hottest(&self, index: &dyn PostIndex) -> Result<u64, RebuildError> {
        self.progress.begin(Phase::Hottest, None);
        let query = IndexQuery {
            text: String::new(),
            since: self.scope.since(),
            among: None,
            order: IndexOrder::Popular,
            limit: self.limits.hottest,
        };
        let found = Deadline::after(self.limits.call).run(index.search(&query)).await;
        // Without an index, no post comes before others.
        let Ok(Ok(found)) = found else { return Ok(0) };
        let posts: Vec<_> = found.into_iter().map(|hit| hit.post).collect();
        let mut told = 0;
        for posts in posts.chunks(self.limits.page.max(1)) {
            let read = async || self.ports.truth.snapshots(posts).await;
            let snapshots = self.until_done("reading the truth", read).await?;
            let snapshots = self.scope.narrow(snapshots.into_iter().flatten().collect());
            self.restate(&snapshots).await?;
            self.progress.did(snapshots.len());
            told += snapshots.len() as u64;
        }
        Ok(told)
    }

    /// Tells of every post that is to be rebuilt, and was not told before the checkpoint.
    async fn fill(&self, checkpoint: &Checkpoint) -> Result<u64, RebuildError> {
        let shares = self.all_shares();
        let of = shares.len() as u64;
        let left = checkpoint.left(shares);
        self.progress.begin(Phase::Filling, Some(of));
        self.progress.is_at(of - left.len() as u64);
        self.walk(left, async |part, page| {
            self.restate(&page.snapshots).await?;
            checkpoint.told(part, page.next.as_ref());
            self.progress.did(page.snapshots.len());
            Ok(checkpoint.save_now_and_then(self.limits.save_every).await?)
        })
        .await?;
        checkpoint.save().await?;
        Ok(self.progress.step().done)
    }

    pub(crate) async fn restate(&self, snapshots: &[Snapshot]) -> Result<(), RebuildError> {
        if snapshots.is_empty() {
            return Ok(());
        }
        let restate =
            async || -> Result<(), PortError> { self.ports.live.restate(snapshots).await };
        self.until_done("writing the live counts", restate).await
    }

    /// What is told while it runs.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}
