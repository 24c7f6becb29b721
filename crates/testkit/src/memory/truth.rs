use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use kudos_core::ports::{PostMeta, PostStore, ReactionStore, Reactor, ReactorPage, Upserted};
use kudos_core::{
    Applied, ApplyError, Counts, Decision, Kind, Millis, Operation, Outcome, PortError, Post,
    PostId, PostState, Snapshot, TimeKey, UserId, UserRow, Version,
};
use parking_lot::Mutex;

use super::MemoryLog;

/// The truth and the posts in memory. Each commit carries one operation, is made at the time
/// that the operation carries, and is in the [`log`](Self::log) when it is acknowledged.
#[derive(Debug, Default)]
pub struct MemoryTruth {
    pub(super) posts: Mutex<BTreeMap<PostId, Entry>>,
    log: Arc<MemoryLog>,
}

/// All that is known of one post.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    stored: Option<Post>,
    hidden: bool,
    /// How often the post was stored or hidden.
    revision: u64,
    state: PostState,
    pub(super) rows: BTreeMap<UserId, UserRow>,
}

impl Entry {
    fn new(post: PostId, created_at: Millis) -> Self {
        let state = PostState {
            post,
            created_at,
            version: Version::default(),
            counts: Counts::new(),
            as_of: created_at,
        };
        Self { stored: None, hidden: false, revision: 0, state, rows: BTreeMap::new() }
    }

    fn visible(&self) -> Option<&Post> {
        self.stored.as_ref().filter(|_| !self.hidden)
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let PostState { post, created_at, .. } = &self.state;
        let (title, body, author) = (String::new(), String::new(), String::new());
        let untitled = || Post { id: post.clone(), title, body, author, created_at: *created_at };
        Snapshot {
            post: self.stored.clone().unwrap_or_else(untitled),
            hidden: self.hidden,
            revision: self.revision,
            state: self.state.clone(),
        }
    }

    /// Applies a new operation; only one that changes something makes a new version.
    fn commit(&mut self, op: &Operation, changed: bool) -> Result<Applied, PortError> {
        let row = self.rows.entry(op.user.clone()).or_default();
        let (from, state) = (row.kind, &mut self.state);
        if changed {
            let shifted = state.counts.shift(from, op.want);
            shifted.map_err(|e| PortError::Corrupt(e.to_string()))?;
            state.version = state.version.next();
            state.as_of = op.at;
        }
        let outcome = Outcome {
            mine: op.want,
            changed,
            version: state.version,
            counts: state.counts.clone(),
            at: op.at,
        };
        row.record(op, outcome.clone());
        Ok(Applied { outcome, from, replayed: false, state: state.clone() })
    }

    /// The answer to an operation that was applied before.
    fn replay(&self, outcome: Outcome) -> Applied {
        let state = PostState {
            post: self.state.post.clone(),
            created_at: self.state.created_at,
            version: outcome.version,
            counts: outcome.counts.clone(),
            as_of: outcome.at,
        };
        Applied { outcome, from: None, replayed: true, state }
    }
}

impl MemoryTruth {
    /// A truth that knows no post.
    pub fn new() -> Self {
        Self::default()
    }

    /// The log that commits are written to.
    pub fn log(&self) -> Arc<MemoryLog> {
        Arc::clone(&self.log)
    }

    /// A copy that shares nothing with this one: what a restart finds.
    pub fn fork(&self) -> Self {
        Self { posts: Mutex::new(self.posts.lock().clone()), log: Arc::new(self.log.fork()) }
    }
}

#[async_trait]
impl ReactionStore for MemoryTruth {
    async fn apply(&self, op: Operation) -> Result<Applied, ApplyError> {
        let mut posts = self.posts.lock();
        let new = || Entry::new(op.post.clone(), op.at);
        let entry = posts.entry(op.post.clone()).or_insert_with(new);
        let decision = match entry.rows.get(&op.user) {
            Some(row) => row.decide(&op),
            None => UserRow::default().decide(&op),
        };
        let changed = match decision {
            Decision::Replay(outcome) => return Ok(entry.replay(outcome)),
            Decision::Stale => return Err(ApplyError::Stale),
            Decision::KeyReused => return Err(ApplyError::KeyReused),
            Decision::Apply { changed } => changed,
        };
        let applied = entry.commit(&op, changed)?;
        if let Some(change) = applied.change(&op.user) {
            self.log.append(change);
        }
        Ok(applied)
    }

    async fn states(&self, posts: &[PostId]) -> Result<Vec<Option<PostState>>, PortError> {
        let known = self.posts.lock();
        let state = |id| known.get(id).map(|entry: &Entry| entry.state.clone());
        Ok(posts.iter().map(state).collect())
    }

    async fn held(&self, user: &UserId, posts: &[PostId]) -> Result<Vec<Option<Kind>>, PortError> {
        let known = self.posts.lock();
        let held = |id| known.get(id).and_then(|entry| entry.rows.get(user)?.kind);
        Ok(posts.iter().map(held).collect())
    }

    async fn reactors(
        &self,
        post: &PostId,
        kind: Option<Kind>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<ReactorPage, PortError> {
        let posts = self.posts.lock();
        let Some(entry) = posts.get(post) else {
            return Ok(ReactorPage::default());
        };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut reactors: Vec<_> = entry
            .rows
            .range::<UserId, _>((from, Bound::Unbounded))
            .filter_map(|(user, row)| {
                let (user, at) = (user.clone(), row.reacted_at);
                row.kind.map(|kind| Reactor { user, kind, at })
            })
            .filter(|reactor| kind.is_none_or(|kind| kind == reactor.kind))
            .take(limit.saturating_add(1))
            .collect();
        let more = reactors.len() > limit;
        reactors.truncate(limit);
        let last = reactors.last().map(|reactor| reactor.user.clone());
        Ok(ReactorPage { reactors, next: last.filter(|_| more) })
    }
}

#[async_trait]
impl PostStore for MemoryTruth {
    async fn upsert(&self, post: &Post) -> Result<Upserted, PortError> {
        let mut posts = self.posts.lock();
        let new = || Entry::new(post.id.clone(), post.created_at);
        let entry = posts.entry(post.id.clone()).or_insert_with(new);
        let upserted = match &entry.stored {
            None => Upserted::Created,
            Some(held) if held == post && !entry.hidden => Upserted::Unchanged,
            Some(_) => Upserted::Updated,
        };
        entry.revision += u64::from(upserted != Upserted::Unchanged);
        entry.stored = Some(post.clone());
        entry.hidden = false;
        entry.state.created_at = post.created_at;
        Ok(upserted)
    }

    async fn hide(&self, post: &PostId) -> Result<bool, PortError> {
        let mut posts = self.posts.lock();
        let Some(entry) = posts.get_mut(post) else {
            return Ok(false);
        };
        let was_visible = entry.visible().is_some();
        entry.hidden = true;
        entry.revision += u64::from(was_visible);
        Ok(was_visible)
    }

    async fn meta(&self, post: &PostId) -> Result<Option<PostMeta>, PortError> {
        let meta =
            |entry: &Entry| PostMeta { created_at: entry.state.created_at, hidden: entry.hidden };
        Ok(self.posts.lock().get(post).map(meta))
    }

    async fn get(&self, posts: &[PostId]) -> Result<Vec<Option<Post>>, PortError> {
        let known = self.posts.lock();
        let visible = |id| known.get(id).and_then(Entry::visible).cloned();
        Ok(posts.iter().map(visible).collect())
    }

    async fn by_time(
        &self,
        since: Option<Millis>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<Post>, PortError> {
        let key = |post: &Post| TimeKey { created_at: post.created_at, post: post.id.clone() };
        let known = self.posts.lock();
        let mut posts: Vec<Post> = known
            .values()
            .filter_map(Entry::visible)
            .filter(|post| since.is_none_or(|since| post.created_at >= since))
            .filter(|post| after.is_none_or(|after| key(post) > *after))
            .cloned()
            .collect();
        posts.sort_by_key(key);
        posts.truncate(limit);
        Ok(posts)
    }
}
