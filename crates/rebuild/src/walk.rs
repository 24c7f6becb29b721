//! All of the truth, page by page.
//!
//! The ring of tokens is cut into shares, some of which are read side by side. Of each share the next
//! page is read while the last one is written, and no further: where Redis is slow, or one of its
//! nodes, reading waits for it. Everything runs in one task: the drivers have their own, and a bound
//! of memory needs no counting then.

use futures::stream::{self, StreamExt, TryStreamExt};
use kudos_core::PortError;
use kudos_core::ports::{ScanCursor, ScanPage, Share};
use tokio::sync::mpsc;

use crate::{Rebuild, RebuildError, Scope};

/// Into how many shares the truth is cut. A checkpoint has a line for each.
pub(crate) const SHARES: u32 = 256;
/// Pages of a share that wait to be written.
const AHEAD: usize = 1;

/// A share, and where it continues.
pub(crate) type Todo = (u32, Option<ScanCursor>);

impl Rebuild {
    /// Every share from its beginning.
    pub(crate) fn all_shares(&self) -> Vec<Todo> {
        let shares = if let Scope::Posts(_) = *self.scope { 1 } else { SHARES };
        (0..shares).map(|part| (part, None)).collect()
    }

    /// Does something with every page of some shares.
    pub(crate) async fn walk<F>(
        &self,
        todo: Vec<Todo>,
        work: impl Fn(u32, ScanPage) -> F,
    ) -> Result<(), RebuildError>
    where
        F: Future<Output = Result<(), RebuildError>>,
    {
        let work = &work;
        let shares = stream::iter(todo).map(Ok);
        let walk = |(part, after)| async move {
            self.walk_share(part, after, work).await?;
            self.progress.advance();
            Ok(())
        };
        shares.try_for_each_concurrent(self.limits.lanes.max(1), walk).await
    }

    async fn walk_share<F>(
        &self,
        part: u32,
        mut after: Option<ScanCursor>,
        work: &impl Fn(u32, ScanPage) -> F,
    ) -> Result<(), RebuildError>
    where
        F: Future<Output = Result<(), RebuildError>>,
    {
        let (send, mut pages) = mpsc::channel(AHEAD);
        let read = async move {
            loop {
                let page = self.until_done("reading the truth", async || {
                    self.page(part, after.as_ref()).await
                });
                let page = page.await?;
                after.clone_from(&page.next);
                if send.send(page).await.is_err() || after.is_none() {
                    return Ok(());
                }
            }
        };
        let write = async {
            while let Some(page) = pages.recv().await {
                work(part, page).await?;
            }
            Ok(())
        };
        futures::future::try_join(read, write).await.map(|_| ())
    }

    /// One page, without what is not to be rebuilt.
    async fn page(&self, part: u32, after: Option<&ScanCursor>) -> Result<ScanPage, PortError> {
        let page = match &*self.scope {
            Scope::All | Scope::Part { .. } => {
                let share = Share { part, of: SHARES };
                self.ports.truth.scan(share, after, self.limits.page).await?
            }
            Scope::Posts(posts) => {
                let begin = after.map_or(Ok(0), place)?;
                let end = posts.len().min(begin.saturating_add(self.limits.page.max(1)));
                let some = posts.get(begin..end).unwrap_or_default();
                let snapshots = self.ports.truth.snapshots(some).await?;
                let next = (end < posts.len()).then(|| ScanCursor(end.to_string().into_bytes()));
                ScanPage { snapshots: snapshots.into_iter().flatten().collect(), next }
            }
        };
        Ok(ScanPage { snapshots: self.scope.narrow(page.snapshots), next: page.next })
    }
}

/// Where in the posts that were named a page begins.
fn place(cursor: &ScanCursor) -> Result<usize, PortError> {
    let place = std::str::from_utf8(&cursor.0).ok().and_then(|text| text.parse().ok());
    place.ok_or_else(|| PortError::Corrupt("a place in a list of posts".into()))
}
