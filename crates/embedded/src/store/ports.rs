//! The ports that the store stands behind.

use async_trait::async_trait;
use kudos_core::ports::{
    EventLog, LogError, LogPage, Position, PostMeta, PostStore, ReactionStore, ReactorPage,
    Upserted,
};
use kudos_core::{
    Applied, ApplyError, Change, Kind, Millis, Operation, PortError, Post, PostId, PostState,
    TimeKey, UserId,
};
use tokio::sync::oneshot;

use super::committer::Command;
use super::{Store, reads};

impl Store {
    /// Queues a command and waits for its answer.
    async fn send<T, E: From<PortError>>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Command,
    ) -> Result<T, E> {
        let closed = || PortError::Unavailable("the store is closed".into());
        let (reply, answer) = oneshot::channel();
        let commands = self.commands.as_ref().ok_or_else(closed)?;
        commands.send(command(reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Applies an operation from somebody's history, by its own time: none, and nothing written,
    /// if the user did something later on that post.
    ///
    /// # Errors
    /// As [`ReactionStore::apply`].
    pub async fn import(&self, op: Operation) -> Result<Option<Applied>, ApplyError> {
        let read = self.commits.read(&self.engine, &op);
        self.send(|reply| Command::Import(op, read, reply)).await
    }
}

#[async_trait]
impl ReactionStore for Store {
    async fn apply(&self, op: Operation) -> Result<Applied, ApplyError> {
        let read = self.commits.read(&self.engine, &op);
        self.send(|reply| Command::React(op, read, reply)).await
    }

    async fn states(&self, posts: &[PostId]) -> Result<Vec<Option<PostState>>, PortError> {
        // The board holds every post's last durable state: it is the index of the heads.
        Ok(posts.iter().map(|post| self.board.get(post).map(|(state, _)| state)).collect())
    }

    async fn held(&self, user: &UserId, posts: &[PostId]) -> Result<Vec<Option<Kind>>, PortError> {
        self.engine.with(|db| posts.iter().map(|post| reads::held(db, user, post)).collect())
    }

    async fn reactors(
        &self,
        post: &PostId,
        kind: Option<Kind>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<ReactorPage, PortError> {
        self.engine.with(|db| reads::reactors(db, post, kind, after, limit))
    }
}

#[async_trait]
impl EventLog for Store {
    async fn publish(&self, _change: &Change) -> Result<(), PortError> {
        // The commit itself wrote the change into the log.
        Ok(())
    }

    async fn read(&self, after: &Position, limit: usize) -> Result<LogPage, LogError> {
        let &[after] = after.0.as_slice() else {
            return Err(LogError::Gone);
        };
        let end = self.ends.borrow().log;
        if after > end {
            return Err(LogError::Gone);
        }
        if after == end {
            return Ok(LogPage { changes: Vec::new(), next: Position(vec![after]) });
        }
        let page = self.engine.with(|db| reads::log(db, after, limit))?;
        let (changes, last) = page.ok_or(LogError::Gone)?;
        Ok(LogPage { changes, next: Position(vec![last]) })
    }

    async fn head(&self) -> Result<Position, PortError> {
        Ok(Position(vec![self.ends.borrow().log]))
    }

    async fn grown(&self, after: &Position) -> Result<(), PortError> {
        let after = after.0.first().copied().unwrap_or(0);
        let mut ends = self.ends.clone();
        let closed = |_| PortError::Unavailable("the store is closed".into());
        ends.wait_for(|ends| ends.log > after).await.map(drop).map_err(closed)
    }
}

#[async_trait]
impl PostStore for Store {
    async fn upsert(&self, post: &Post) -> Result<Upserted, PortError> {
        self.send(|reply| Command::Upsert(post.clone(), reply)).await
    }

    async fn hide(&self, post: &PostId) -> Result<bool, PortError> {
        self.send(|reply| Command::Hide(post.clone(), reply)).await
    }

    async fn meta(&self, post: &PostId) -> Result<Option<PostMeta>, PortError> {
        let meta = self.board.get(post);
        Ok(meta.map(|(state, hidden)| PostMeta { created_at: state.created_at, hidden }))
    }

    async fn get(&self, posts: &[PostId]) -> Result<Vec<Option<Post>>, PortError> {
        let read = |db: &_, post: &PostId| match self.board.get(post) {
            Some((state, false)) => {
                let body = reads::body(db, post)?;
                Ok(body.map(|body| body.into_post(post.clone(), state.created_at)))
            }
            _ => Ok(None),
        };
        self.engine.with(|db| posts.iter().map(|post| read(db, post)).collect())
    }

    async fn by_time(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<Post>, PortError> {
        let (mut found, mut behind) = (Vec::new(), after.cloned());
        while found.len() < limit {
            let keys = self.board.recent_keys(since, behind.as_ref(), limit - found.len());
            let Some(last) = keys.last().cloned() else {
                break;
            };
            let ids: Vec<PostId> = keys.into_iter().map(|key| key.post).collect();
            // The board also lists posts that were only reacted to: there is nothing to show.
            found.extend(self.get(&ids).await?.into_iter().flatten());
            behind = Some(last);
        }
        Ok(found)
    }
}
