//! The states by post, laid out to be small: one row a post, counts side by side, and a hash
//! table of row numbers.

use hashbrown::{DefaultHashBuilder, HashTable};
use kudos_core::{Counts, Millis, PostId, PostState, RankEntry, Version};
use std::hash::BuildHasher;

pub(super) struct Table {
    rows: Vec<Row>,
    /// The counts of row `i` start at `i * kinds`.
    counts: Vec<u64>,
    kinds: usize,
    by_post: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

struct Row {
    post: PostId,
    created_at: Millis,
    version: Version,
    as_of: Millis,
    hidden: bool,
    /// Its place in the orders is out of date.
    moving: bool,
}

/// 2^32 posts would be a terabyte of rows: no machine gets there.
fn row_number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Table {
    pub(super) fn new(kinds: usize) -> Self {
        let (by_post, hasher) = (HashTable::new(), DefaultHashBuilder::default());
        Self { rows: Vec::new(), counts: Vec::new(), kinds, by_post, hasher }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn get(&self, post: &PostId) -> Option<(PostState, bool)> {
        let at = self.place(post.as_str())?;
        let Row { post, created_at, version, as_of, hidden, .. } = &self.rows[at];
        let counts = Counts::from_iter(self.counts_at(at).iter().copied());
        let state = PostState {
            post: post.clone(),
            created_at: *created_at,
            version: *version,
            counts,
            as_of: *as_of,
        };
        Some((state, *hidden))
    }

    pub(super) fn total(&self, post: &str) -> u64 {
        self.place(post).map_or(0, |at| self.counts_at(at).iter().sum())
    }

    /// The total of a row, which no post ever leaves; 0 if there is none.
    pub(super) fn total_at(&self, place: usize) -> u64 {
        let start = place.saturating_mul(self.kinds);
        let counts = self.counts.get(start..start.saturating_add(self.kinds));
        counts.map_or(0, |counts| counts.iter().sum())
    }

    pub(super) fn is_hidden(&self, post: &str) -> bool {
        self.place(post).is_some_and(|at| self.rows[at].hidden)
    }

    /// Adds a post that is not held yet, and tells where.
    pub(super) fn insert(&mut self, state: PostState, hidden: bool) -> usize {
        let (at, hash) = (self.rows.len(), self.hasher.hash_one(state.post.as_str()));
        let (rows, hasher) = (&self.rows, &self.hasher);
        let rehash = |&row: &u32| hasher.hash_one(rows[row as usize].post.as_str());
        self.by_post.insert_unique(hash, row_number(at), rehash);
        self.append(state, hidden);
        at
    }

    /// Makes room for so many rows.
    pub(super) fn reserve(&mut self, rows: usize) {
        self.rows.reserve(rows);
        self.counts.reserve(rows * self.kinds);
    }

    /// Adds a row that cannot be found until it is [indexed](Self::index).
    pub(super) fn append(&mut self, state: PostState, hidden: bool) {
        let at = self.rows.len();
        let PostState { post, created_at, version, counts, as_of } = state;
        self.rows.push(Row { post, created_at, version, as_of, hidden, moving: false });
        self.counts.resize((at + 1) * self.kinds, 0);
        self.write_counts(at, &counts);
    }

    /// Finds all rows from now on, which are of distinct posts. Cheaper than to find each at once,
    /// as the index does not grow on the way.
    pub(super) fn index(&mut self) {
        let hash = |row: &Row| self.hasher.hash_one(row.post.as_str());
        let mut by_post = HashTable::with_capacity(self.rows.len());
        for (at, row) in self.rows.iter().enumerate() {
            by_post.insert_unique(hash(row), row_number(at), |&row| hash(&self.rows[row as usize]));
        }
        self.by_post = by_post;
    }

    /// Overwrites all of a row but its post and creation time.
    pub(super) fn update(&mut self, at: usize, state: &PostState) {
        let row = &mut self.rows[at];
        (row.version, row.as_of) = (state.version, state.as_of);
        self.write_counts(at, &state.counts);
    }

    pub(super) fn move_to(&mut self, at: usize, created_at: Millis) {
        self.rows[at].created_at = created_at;
    }

    /// The place of a row in the popular order. It shares the row's own id, so that a post is
    /// held in memory once.
    pub(super) fn rank_at(&self, at: usize) -> RankEntry {
        let Row { ref post, created_at, .. } = self.rows[at];
        RankEntry { post: post.clone(), total: self.total_at(at), created_at }
    }

    /// Notes that a row is out of its place in the orders; false if that was known.
    pub(super) fn begin_move(&mut self, at: usize) -> bool {
        !std::mem::replace(&mut self.rows[at].moving, true)
    }

    /// Notes that a row is put into its place.
    pub(super) fn end_move(&mut self, at: usize) {
        self.rows[at].moving = false;
    }

    pub(super) fn created_at(&self, at: usize) -> Millis {
        self.rows[at].created_at
    }

    pub(super) fn version_at(&self, at: usize) -> Version {
        self.rows[at].version
    }

    pub(super) fn is_hidden_at(&self, at: usize) -> bool {
        self.rows[at].hidden
    }

    pub(super) fn set_hidden(&mut self, at: usize, hidden: bool) {
        self.rows[at].hidden = hidden;
    }

    pub(super) fn place(&self, post: &str) -> Option<usize> {
        let hash = self.hasher.hash_one(post);
        let same = |&row: &u32| self.rows[row as usize].post.as_str() == post;
        self.by_post.find(hash, same).map(|&row| row as usize)
    }

    fn counts_at(&self, at: usize) -> &[u64] {
        &self.counts[at * self.kinds..(at + 1) * self.kinds]
    }

    fn write_counts(&mut self, at: usize, counts: &Counts) {
        let row = &mut self.counts[at * self.kinds..(at + 1) * self.kinds];
        row.fill(0);
        // Counts past the configured kinds cannot occur: the store refuses to open on fewer.
        for (cell, &count) in row.iter_mut().zip(counts.as_slice()) {
            *cell = count;
        }
    }
}
