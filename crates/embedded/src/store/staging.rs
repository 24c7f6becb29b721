//! A batch of commands on its way to one atomic, durable commit.
//!
//! Each command sees the effect of those before it in the batch, so a retry that lands in the
//! same batch as its first try is recognised too.

use std::collections::HashMap;

use hashbrown::hash_map::Entry;
use kudos_core::ports::Upserted;
use kudos_core::{
    Applied, ApplyError, Change, Decision, Kind, Millis, Operation, Outcome, Post, PostId,
    PostState, UserChange, UserRow, Version,
};

use super::engine::{Db, StoreFault};
use super::schema::{Body, Head, decode, encode, row_key};
use crate::board::Board;

/// What a batch will write, and what each of its commands will answer.
pub(crate) struct Staging<'a> {
    db: &'a Db,
    board: &'a Board,
    now: Millis,
    heads: hashbrown::HashMap<PostId, StagedHead>,
    rows: hashbrown::HashMap<Vec<u8>, StagedRow>,
    bodies: HashMap<PostId, Body>,
    /// Posts whose text or visibility changed, for the index.
    outbox: Vec<PostId>,
}

struct StagedHead {
    head: Head,
    changes: Vec<UserChange>,
    /// Stored or hidden by this batch: the board has to take over more than counts.
    moved: bool,
}

struct StagedRow {
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
    pub(crate) fn new(db: &'a Db, board: &'a Board, now: Millis) -> Self {
        Self {
            db,
            board,
            now,
            heads: hashbrown::HashMap::new(),
            rows: hashbrown::HashMap::new(),
            bodies: HashMap::new(),
            outbox: Vec::new(),
        }
    }

    /// Stages one reaction. An error leaves the batch as it was.
    pub(crate) fn react(
        &mut self,
        op: &Operation,
    ) -> Result<Result<Applied, ApplyError>, StoreFault> {
        let StagedRow { row, dirty } = row_of(&mut self.rows, self.db, op)?;
        let staged = head_of(&mut self.heads, self.board, &op.post, op.at);
        let changed = match row.decide(op) {
            Decision::Stale => return Ok(Err(ApplyError::Stale)),
            Decision::KeyReused => return Ok(Err(ApplyError::KeyReused)),
            Decision::Replay(outcome) => {
                let created_at = staged.head.created_at;
                return Ok(Ok(answer(op, created_at, None, outcome, true)));
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
        row.record(op, outcome.clone());
        *dirty = true;
        Ok(Ok(answer(op, created_at, from, outcome, false)))
    }

    /// Stages one reaction from somebody's history: none if the user did something later.
    pub(crate) fn import(
        &mut self,
        op: &Operation,
    ) -> Result<Result<Option<Applied>, ApplyError>, StoreFault> {
        if op.at < row_of(&mut self.rows, self.db, op)?.row.last_at() {
            return Ok(Ok(None));
        }
        Ok(self.react(op)?.map(Some))
    }

    /// Stages the text of a post.
    pub(crate) fn upsert(&mut self, post: &Post) -> Result<Upserted, StoreFault> {
        let new = Body::of(post);
        let old = match self.bodies.get(&post.id) {
            Some(body) => Some(body.clone()),
            None => match self.db.posts.get(post.id.as_str())? {
                Some(bytes) => Some(decode::<Body>("post", &bytes)?),
                None => None,
            },
        };
        let staged = head_of(&mut self.heads, self.board, &post.id, post.created_at);
        let same_head = staged.head.created_at == post.created_at && !staged.head.hidden;
        let outcome = match old {
            None => Upserted::Created,
            Some(old) if old == new && same_head => return Ok(Upserted::Unchanged),
            Some(_) => Upserted::Updated,
        };
        (staged.head.created_at, staged.head.hidden) = (post.created_at, false);
        staged.moved = true;
        self.bodies.insert(post.id.clone(), new);
        self.outbox.push(post.id.clone());
        Ok(outcome)
    }

    /// Stages the hiding of a post; false if it is not visible.
    pub(crate) fn hide(&mut self, post: &PostId) -> bool {
        if !self.heads.contains_key(post) && self.board.get(post).is_none() {
            return false;
        }
        let staged = head_of(&mut self.heads, self.board, post, self.now);
        if staged.head.hidden {
            return false;
        }
        staged.head.hidden = true;
        staged.moved = true;
        self.outbox.push(post.clone());
        true
    }

    /// The posts that a failed commit leaves in doubt.
    pub(crate) fn posts(&self) -> Vec<PostId> {
        self.heads.keys().cloned().collect()
    }

    /// Writes everything as one batch and returns when it is on disk.
    pub(crate) fn commit(self, mut log: u64, mut outbox: u64) -> Result<Committed, StoreFault> {
        let mut batch = self.db.durable_batch();
        for (key, staged) in sorted(self.rows).into_iter().filter(|(_, staged)| staged.dirty) {
            batch.insert(&self.db.rows, key, encode(&staged.row)?);
        }
        for (post, body) in &self.bodies {
            batch.insert(&self.db.posts, post.as_str(), encode(body)?);
        }
        for post in &self.outbox {
            outbox += 1;
            batch.insert(&self.db.outbox, outbox.to_be_bytes(), post.as_str());
        }
        let (mut changes, mut moved) = (Vec::new(), Vec::new());
        for (post, staged) in sorted(self.heads) {
            if !staged.moved && staged.changes.is_empty() {
                continue;
            }
            batch.insert(&self.db.heads, post.as_str(), encode(&staged.head)?);
            let state = staged.head.state(post);
            if staged.moved {
                let introduced = PostState { version: Version(0), ..state.clone() };
                moved.push((introduced, staged.head.hidden));
            }
            if !staged.changes.is_empty() {
                let users = staged.changes;
                changes.push(Change { state, users });
            }
        }
        if !changes.is_empty() {
            log += 1;
            batch.insert(&self.db.log, log.to_be_bytes(), encode(&changes)?);
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

/// The row of an operation within the batch, from the database the first time.
fn row_of<'m>(
    rows: &'m mut hashbrown::HashMap<Vec<u8>, StagedRow>,
    db: &Db,
    op: &Operation,
) -> Result<&'m mut StagedRow, StoreFault> {
    match rows.entry(row_key(&op.post, &op.user)) {
        Entry::Occupied(row) => Ok(row.into_mut()),
        Entry::Vacant(slot) => {
            let row = match db.rows.get(slot.key())? {
                Some(bytes) => decode("user row", &bytes)?,
                None => UserRow::default(),
            };
            Ok(slot.insert(StagedRow { row, dirty: false }))
        }
    }
}

/// In the order of keys, in which the engine finds their places fastest.
fn sorted<K: Ord, V>(staged: hashbrown::HashMap<K, V>) -> Vec<(K, V)> {
    let mut staged: Vec<_> = staged.into_iter().collect();
    staged.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    staged
}

/// The head of a post within the batch, from the board the first time.
fn head_of<'m>(
    heads: &'m mut hashbrown::HashMap<PostId, StagedHead>,
    board: &Board,
    post: &PostId,
    created_at: Millis,
) -> &'m mut StagedHead {
    heads.entry(post.clone()).or_insert_with(|| {
        let held = board.get(post).map(|(state, hidden)| Head::of(state, hidden));
        let head = held.unwrap_or_else(|| Head::new(created_at));
        StagedHead { head, changes: Vec::new(), moved: false }
    })
}

fn answer(
    op: &Operation,
    created_at: Millis,
    from: Option<Kind>,
    outcome: Outcome,
    replayed: bool,
) -> Applied {
    let Outcome { version, ref counts, at, .. } = outcome;
    let (post, counts) = (op.post.clone(), counts.clone());
    let state = PostState { post, created_at, version, counts, as_of: at };
    Applied { outcome, from, replayed, state }
}
