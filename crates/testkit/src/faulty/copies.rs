//! The ports of whoever keeps or mends copies, put through their faults.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use kudos_core::ports::{
    ChangeFeed, DueWindow, Exchange, Found, Leases, Marks, OutageJournal, OutageWindows,
    Projection, Put, Reach, Record, ScanCursor, ScanPage, Share, Snapshots, Ticket,
};
use kudos_core::{Counts, PortError, PostId, Snapshot};

use super::{Call, Faulty};

#[async_trait]
impl<P: Snapshots + ?Sized> Snapshots for Faulty<P> {
    async fn snapshots(&self, posts: &[PostId]) -> Result<Vec<Option<Snapshot>>, PortError> {
        self.faults.around(Call::Snapshots, self.inner.snapshots(posts)).await
    }

    async fn settle(&self, post: &PostId) -> Result<Option<Snapshot>, PortError> {
        self.faults.around(Call::Settle, self.inner.settle(post)).await
    }

    async fn scan(
        &self,
        share: Share,
        after: Option<&ScanCursor>,
        limit: usize,
    ) -> Result<ScanPage, PortError> {
        self.faults.around(Call::Scan, self.inner.scan(share, after, limit)).await
    }

    async fn recount(&self, post: &PostId) -> Result<Counts, PortError> {
        self.faults.around(Call::Recount, self.inner.recount(post)).await
    }
}

#[async_trait]
impl<P: Projection + ?Sized> Projection for Faulty<P> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn put(&self, snapshots: &[Snapshot]) -> Result<Vec<Put>, PortError> {
        self.faults.around(Call::Put, self.inner.put(snapshots)).await
    }
}

/// Only what waits for an answer can be put through faults.
#[async_trait]
impl<P: OutageJournal + ?Sized> OutageJournal for Faulty<P> {
    async fn cover(&self, post: &PostId) -> Result<Ticket, PortError> {
        let cover = async {
            let ticket = self.inner.cover(post).await?;
            Ok(Given { journal: &*self.inner, ticket, taken: false })
        };
        self.faults.around(Call::Cover, cover).await.map(Given::take)
    }

    fn missed(&self, ticket: Ticket, sink: &'static str) {
        self.inner.missed(ticket, sink);
    }

    fn in_doubt(&self, ticket: Ticket) {
        self.inner.in_doubt(ticket);
    }

    fn end(&self, ticket: Ticket) {
        self.inner.end(ticket);
    }
}

/// A ticket on its way. A journal ends one that it cannot hand over: the caller does not know it.
struct Given<'a, J: OutageJournal + ?Sized> {
    journal: &'a J,
    ticket: Ticket,
    taken: bool,
}

impl<J: OutageJournal + ?Sized> Given<'_, J> {
    fn take(mut self) -> Ticket {
        self.taken = true;
        self.ticket
    }
}

impl<J: OutageJournal + ?Sized> Drop for Given<'_, J> {
    fn drop(&mut self) {
        if !self.taken {
            self.journal.end(self.ticket);
        }
    }
}

#[async_trait]
impl<P: OutageWindows + ?Sized> OutageWindows for Faulty<P> {
    async fn due(&self, limit: usize) -> Result<Vec<DueWindow>, PortError> {
        self.faults.around(Call::Due, self.inner.due(limit)).await
    }

    async fn posts(
        &self,
        window: &DueWindow,
        after: Option<&PostId>,
        limit: usize,
    ) -> Result<Vec<PostId>, PortError> {
        self.faults.around(Call::WindowPosts, self.inner.posts(window, after, limit)).await
    }

    async fn told(&self, window: &DueWindow, left: &[String]) -> Result<(), PortError> {
        self.faults.around(Call::Told, self.inner.told(window, left)).await
    }
}

#[async_trait]
impl<P: ChangeFeed + ?Sized> ChangeFeed for Faulty<P> {
    async fn next(&self, limit: usize) -> Result<Vec<Record>, PortError> {
        self.faults.around(Call::Next, self.inner.next(limit)).await
    }

    async fn commit(&self, done: &[(u32, u64)]) -> Result<(), PortError> {
        self.faults.around(Call::Commit, self.inner.commit(done)).await
    }

    async fn set_aside(&self, record: &Record, reason: &str) -> Result<(), PortError> {
        self.faults.around(Call::SetAside, self.inner.set_aside(record, reason)).await
    }
}

#[async_trait]
impl<P: Leases + ?Sized> Leases for Faulty<P> {
    async fn hold(&self, name: &str, holder: &str, span: Duration) -> Result<bool, PortError> {
        self.faults.around(Call::Hold, self.inner.hold(name, holder, span)).await
    }

    async fn release(&self, name: &str, holder: &str) -> Result<(), PortError> {
        self.faults.around(Call::Release, self.inner.release(name, holder)).await
    }
}

#[async_trait]
impl<P: Marks + ?Sized> Marks for Faulty<P> {
    fn parts(&self) -> usize {
        self.inner.parts()
    }

    async fn exchange(&self, exchanges: &[Exchange]) -> Vec<Result<Found, PortError>> {
        let exchanged = async { Ok::<_, PortError>(self.inner.exchange(exchanges).await) };
        let exchanged = self.faults.around(Call::Exchange, exchanged).await;
        exchanged.unwrap_or_else(|error| vec![Err(error); exchanges.len()])
    }

    fn reach(&self, parts: &BTreeSet<usize>) -> Reach {
        self.inner.reach(parts)
    }
}
