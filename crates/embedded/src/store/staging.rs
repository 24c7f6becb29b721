//! A batch of commands on its way to one atomic, durable commit.
//!
//! Each command sees the effect of those before it in the batch, so a retry that lands in the
//! same batch as its first try is recognised too.

use fjall::UserKey;
use kudos_core::ports::Upserted;
use kudos_core::{
    Applied, ApplyError, Change, Decision, Kind, Millis, Operation, Outcome, Post, PostId,
    PostState, UserChange, UserRow, Version,
};

use super::ahead::{Read, Written};
use super::engine::{Db, StoreFault};
use super::schema::{Body, Head, Scratch, decode, row_key};
use crate::board::Board;

/// What a batch will write, and what each of its commands will answer.
///
/// Commands come in the order of their records' keys. So what is staged for the post and the row
/// of a command is the last that was staged, or nothing is, and all is written in the order in
/// which the engine finds places fastest.
pub(crate) struct Staging<'a> {
    db: &'a Db,
    board: &'a Board,
    written: &'a mut Written,
    now: Millis,
    posts: Vec<StagedPost>,
    rows: Vec<StagedRow>,
    /// Posts whose text or visibility changed, for the index.
    outbox: Vec<PostId>,
}

struct StagedPost {
    post: PostId,
    head: Head,
    changes: Vec<UserChange>,
    /// The text that this batch stores.
    body: Option<Body>,
    /// Stored or hidden by this batch: the board has to take over more than counts.
    moved: bool,
}

struct StagedRow {
    key: UserKey,
    row: UserRow,
    /// Only read so far if false.
    dirty: bool,
}

/// What the board has to take over once the batch is durable.
pub(crate) struct Committed {
    pub(crate) states: Vec<PostState>,
    /// Posts that were stored or hidden, with their creation time.
    pub(crate) moved: Vec<(PostState, bool)>,
    pub(crate) last_log: u64,
    pub(crate) last_outbox: u64,
}

impl<'a> Staging<'a> {
    /// An empty batch of at most `capacity` commands.
    pub(crate) fn new(
        db: &'a Db,
        board: &'a Board,
        written: &'a mut Written,
        now: Millis,
        capacity: usize,
    ) -> Self {
        let (posts, rows) = (Vec::with_capacity(capacity), Vec::with_capacity(capacity));
        Self { db, board, written, now, posts, rows, outbox: Vec::new() }
    }

    /// Stages one reaction. An error leaves the batch as it was.
    pub(crate) fn react(
        &mut self,
        op: Operation,
        read: Option<Read>,
    ) -> Result<Result<Applied, ApplyError>, StoreFault> {
        let at = self.row_of(&op, read)?;
        let staged = post_of(&mut self.posts, self.board, &op.post, op.at);
        let StagedRow { key, row, dirty } = &mut self.rows[at];
        let changed = match row.decide(&op) {
            Decision::Stale => return Ok(Err(ApplyError::Stale)),
            Decision::KeyReused => return Ok(Err(ApplyError::KeyReused)),
            Decision::Replay(outcome) => {
                let created_at = staged.head.created_at;
                return Ok(Ok(answer(op.post, created_at, None, outcome, true)));
            }
            Decision::Apply { changed } => changed,
        };
        let from = row.kind;
        if changed {
            let shifted = staged.head.counts.shift(from, op.want);
            shifted.map_err(|error| StoreFault::Damaged(format!("post {}: {error}", op.post)))?;
            staged.head.version = staged.head.version.next();
            staged.head.as_of = self.now;
            staged.changes.push(UserChange { user: op.user.clone(), from, to: op.want });
        }
        let Head { version, ref counts, created_at, .. } = staged.head;
        let (mine, counts) = (op.want, counts.clone());
        let outcome = Outcome { mine, changed, version, counts, at: op.at };
        row.record(&op, outcome.clone());
        self.written.note(key);
        *dirty = true;
        Ok(Ok(answer(op.post, created_at, from, outcome, false)))
    }

    /// Stages one reaction from somebody's history: none if the user did something later.
    pub(crate) fn import(
        &mut self,
        op: Operation,
        read: Option<Read>,
    ) -> Result<Result<Option<Applied>, ApplyError>, StoreFault> {
        let at = self.row_of(&op, read)?;
        if op.at < self.rows[at].row.last_at() {
            return Ok(Ok(None));
        }
        Ok(self.react(op, None)?.map(Some))
    }

    /// Stages the text of a post.
    pub(crate) fn upsert(&mut self, post: &Post) -> Result<Upserted, StoreFault> {
        let new = Body::of(post);
        let staged = post_of(&mut self.posts, self.board, &post.id, post.created_at);
        let old = match &staged.body {
            Some(body) => Some(body.clone()),
            None => match self.db.posts.get(post.id.as_str())? {
                Some(bytes) => Some(decode::<Body>("post", &bytes)?),
                None => None,
            },
        };
        let same_head = staged.head.created_at == post.created_at && !staged.head.hidden;
        let outcome = match old {
            None => Upserted::Created,
            Some(old) if old == new && same_head => return Ok(Upserted::Unchanged),
            Some(_) => Upserted::Updated,
        };
        (staged.head.created_at, staged.head.hidden) = (post.created_at, false);
        (staged.body, staged.moved) = (Some(new), true);
        self.outbox.push(post.id.clone());
        Ok(outcome)
    }

    /// Stages the hiding of a post; false if it is not visible.
    pub(crate) fn hide(&mut self, post: &PostId) -> bool {
        let is_staged = self.posts.last().is_some_and(|last| last.post == *post);
        if !is_staged && self.board.get(post).is_none() {
            return false;
        }
        let staged = post_of(&mut self.posts, self.board, post, self.now);
        if staged.head.hidden {
            return false;
        }
        staged.head.hidden = true;
        staged.moved = true;
        self.outbox.push(post.clone());
        true
    }

    /// Where the row of an operation is within the batch. Unless a command before had it too, it is
    /// what was read ahead, or from the database if that is out of date.
    fn row_of(&mut self, op: &Operation, read: Option<Read>) -> Result<usize, StoreFault> {
        let key = row_key(&op.post, &op.user);
        if self.rows.last().is_none_or(|last| *last.key != *key) {
            let current = read.and_then(|read| self.written.check(&key, read));
            let bytes = match current {
                Some(bytes) => bytes,
                None => self.db.rows.get(&key)?,
            };
            let row = match bytes {
                Some(bytes) => decode("user row", &bytes)?,
                None => UserRow::default(),
            };
            self.rows.push(StagedRow { key: key.into(), row, dirty: false });
        }
        Ok(self.rows.len() - 1)
    }

    /// The posts that a failed commit leaves in doubt.
    pub(crate) fn posts(&self) -> Vec<PostId> {
        self.posts.iter().map(|staged| staged.post.clone()).collect()
    }

    /// Writes everything as one batch and returns when it is on disk.
    pub(crate) fn commit(
        &mut self,
        mut log: u64,
        mut outbox: u64,
    ) -> Result<Committed, StoreFault> {
        let mut scratch = Scratch::default();
        // Each command has a row and a head, or a text, a head and a place in the outbox.
        let mut batch = self.db.durable_batch(2 * self.rows.len() + 3 * self.posts.len() + 1);
        for StagedRow { key, row, .. } in self.rows.iter().filter(|staged| staged.dirty) {
            batch.insert(&self.db.rows, key.clone(), scratch.encode(row)?);
        }
        for post in &self.outbox {
            outbox += 1;
            batch.insert(&self.db.outbox, outbox.to_be_bytes(), post.as_str());
        }
        let (mut changes, mut moved) = (Vec::new(), Vec::new());
        for StagedPost { post, head, changes: users, body, moved: is_moved } in &mut self.posts {
            if let Some(body) = body {
                batch.insert(&self.db.posts, post.as_str(), scratch.encode(body)?);
            }
            if !*is_moved && users.is_empty() {
                continue;
            }
            batch.insert(&self.db.heads, post.as_str(), scratch.encode(head)?);
            let state = head.state(post.clone());
            if *is_moved {
                let introduced = PostState { version: Version(0), ..state.clone() };
                moved.push((introduced, head.hidden));
            }
            if !users.is_empty() {
                changes.push(Change { state, users: std::mem::take(users) });
            }
        }
        if !changes.is_empty() {
            log += 1;
            batch.insert(&self.db.log, log.to_be_bytes(), scratch.encode(&changes)?);
        }
        batch.commit()?;
        Ok(Committed {
            states: changes.into_iter().map(|change| change.state).collect(),
            moved,
            last_log: log,
            last_outbox: outbox,
        })
    }
}

/// The head of a post within the batch, from the board the first time.
fn post_of<'p>(
    posts: &'p mut Vec<StagedPost>,
    board: &Board,
    post: &PostId,
    created_at: Millis,
) -> &'p mut StagedPost {
    debug_assert!(posts.last().is_none_or(|last| last.post <= *post), "commands are in order");
    if posts.last().is_none_or(|last| last.post != *post) {
        let held = board.get(post).map(|(state, hidden)| Head::of(state, hidden));
        let head = held.unwrap_or_else(|| Head::new(created_at));
        let post = post.clone();
        posts.push(StagedPost { post, head, changes: Vec::new(), body: None, moved: false });
    }
    posts.last_mut().expect("it was there or was pushed")
}

fn answer(
    post: PostId,
    created_at: Millis,
    from: Option<Kind>,
    outcome: Outcome,
    replayed: bool,
) -> Applied {
    let Outcome { version, ref counts, at, .. } = outcome;
    let state = PostState { post, created_at, version, counts: counts.clone(), as_of: at };
    Applied { outcome, from, replayed, state }
}
