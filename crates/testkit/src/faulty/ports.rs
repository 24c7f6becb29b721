//! Every port, put through its faults.

use async_trait::async_trait;
use kudos_core::ports::{
    EventLog, IndexHit, IndexQuery, LiveCounts, LiveEntry, LogError, LogPage, Position, PostIndex,
    PostMeta, PostStore, ReactionStore, ReactorPage, TimedLog, Upserted,
};
use kudos_core::{
    Applied, ApplyError, Change, Kind, Millis, Operation, PortError, Post, PostId, PostState,
    RankEntry, TimeKey, UserId,
};

use super::{Call, Faulty};

#[async_trait]
impl<P: ReactionStore + ?Sized> ReactionStore for Faulty<P> {
    async fn apply(&self, op: Operation) -> Result<Applied, ApplyError> {
        self.faults.around(Call::Apply, self.inner.apply(op)).await
    }

    async fn states(&self, posts: &[PostId]) -> Result<Vec<Option<PostState>>, PortError> {
        self.faults.around(Call::States, self.inner.states(posts)).await
    }

    async fn held(&self, user: &UserId, posts: &[PostId]) -> Result<Vec<Option<Kind>>, PortError> {
        self.faults.around(Call::Held, self.inner.held(user, posts)).await
    }

    async fn reactors(
        &self,
        post: &PostId,
        kind: Option<Kind>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<ReactorPage, PortError> {
        let work = self.inner.reactors(post, kind, after, limit);
        self.faults.around(Call::Reactors, work).await
    }
}

#[async_trait]
impl<P: LiveCounts + ?Sized> LiveCounts for Faulty<P> {
    async fn merge(&self, states: &[PostState]) -> Result<(), PortError> {
        self.faults.around(Call::Merge, self.inner.merge(states)).await
    }

    async fn hide(&self, post: &PostId, hidden: bool, revision: u64) -> Result<(), PortError> {
        self.faults.around(Call::Hide, self.inner.hide(post, hidden, revision)).await
    }

    async fn entries(&self, posts: &[PostId]) -> Result<Vec<Option<LiveEntry>>, PortError> {
        self.faults.around(Call::States, self.inner.entries(posts)).await
    }

    async fn top(&self, since: Option<Millis>, limit: usize) -> Result<Vec<RankEntry>, PortError> {
        self.faults.around(Call::Top, self.inner.top(since, limit)).await
    }

    async fn recent(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<TimeKey>, PortError> {
        let work = self.inner.recent(since, after, limit);
        self.faults.around(Call::Recent, work).await
    }
}

#[async_trait]
impl<P: EventLog + ?Sized> EventLog for Faulty<P> {
    async fn publish(&self, change: &Change) -> Result<(), PortError> {
        self.faults.around(Call::Publish, self.inner.publish(change)).await
    }

    async fn read(&self, after: &Position, limit: usize) -> Result<LogPage, LogError> {
        self.faults.around(Call::Read, self.inner.read(after, limit)).await
    }

    async fn head(&self) -> Result<Position, PortError> {
        self.faults.around(Call::Head, self.inner.head()).await
    }

    async fn grown(&self, after: &Position) -> Result<(), PortError> {
        self.faults.around(Call::Grown, self.inner.grown(after)).await
    }
}

#[async_trait]
impl<P: TimedLog + ?Sized> TimedLog for Faulty<P> {
    async fn since(&self, at: Millis) -> Result<Position, PortError> {
        self.faults.around(Call::Since, self.inner.since(at)).await
    }
}

#[async_trait]
impl<P: PostIndex + ?Sized> PostIndex for Faulty<P> {
    async fn refresh(&self) -> Result<(), PortError> {
        self.faults.around(Call::Refresh, self.inner.refresh()).await
    }

    async fn search(&self, query: &IndexQuery) -> Result<Vec<IndexHit>, PortError> {
        self.faults.around(Call::Search, self.inner.search(query)).await
    }
}

#[async_trait]
impl<P: PostStore + ?Sized> PostStore for Faulty<P> {
    async fn upsert(&self, post: &Post) -> Result<Upserted, PortError> {
        self.faults.around(Call::Upsert, self.inner.upsert(post)).await
    }

    async fn hide(&self, post: &PostId) -> Result<bool, PortError> {
        self.faults.around(Call::Hide, self.inner.hide(post)).await
    }

    async fn meta(&self, post: &PostId) -> Result<Option<PostMeta>, PortError> {
        self.faults.around(Call::Meta, self.inner.meta(post)).await
    }

    async fn get(&self, posts: &[PostId]) -> Result<Vec<Option<Post>>, PortError> {
        self.faults.around(Call::Get, self.inner.get(posts)).await
    }

    async fn by_time(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<Post>, PortError> {
        let work = self.inner.by_time(since, after, limit);
        self.faults.around(Call::ByTime, work).await
    }
}
