use std::collections::BTreeMap;

use kudos_core::row::REMEMBERED;
use kudos_core::{Kind, Millis, Post, PostId, UserId};

use super::client::{Ack, Reply, Request};
use super::recording::Recording;
use super::verdict::Difference;

/// What was acknowledged, and what must be so because of it.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    rows: BTreeMap<PostId, BTreeMap<UserId, Row>>,
    created: BTreeMap<PostId, Millis>,
    wrong: Vec<Difference>,
    acknowledged: usize,
    partitioned: bool,
    pub(super) recording: Recording,
}

/// One user on one post.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// After the last operation that was acknowledged.
    pub(super) held: Option<Kind>,
    /// An operation that nobody answered.
    pub(super) open: Option<Request>,
    /// The key of the last operation that was acknowledged.
    pub(super) key: Option<String>,
    /// How many operations were acknowledged.
    operations: usize,
}

/// An acknowledged operation, to compare answers to the same request with.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) request: Request,
    ack: Ack,
    /// Which of its row's operations it was.
    place: usize,
}

impl Ledger {
    /// A ledger of posts that nobody has reacted to.
    pub fn new(posts: &[Post]) -> Self {
        let created = posts.iter().map(|post| (post.id.clone(), post.created_at)).collect();
        Self { created, ..Self::default() }
    }

    /// The truth keeps a post in several parts: versions are sums, that are no order of changes.
    #[must_use]
    pub fn partitioned(self) -> Self {
        Self { partitioned: true, ..self }
    }

    /// Whether the versions of a post are the order of its changes.
    pub(super) fn believes_versions(&self) -> bool {
        !self.partitioned
    }

    /// All that was asked and answered so far.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// How many operations were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged
    }

    /// How many operations are open: nobody knows whether they were applied.
    pub fn open(&self) -> usize {
        self.open_requests().len()
    }

    pub(super) fn open_requests(&self) -> Vec<Request> {
        let rows = self.rows.values().flat_map(BTreeMap::values);
        rows.filter_map(|row| row.open.clone()).collect()
    }

    /// Whether the state of the row is known, so that something can be added to it.
    pub(super) fn is_closed(&self, request: &Request) -> bool {
        let row = self.rows.get(&request.post).and_then(|rows| rows.get(&request.user));
        row.is_none_or(|row| row.open.as_ref().is_none_or(|open| open.key == request.key))
    }

    /// A request was sent: until it is answered its row may hold either.
    pub(super) fn sent(&mut self, request: &Request) {
        self.row(request).open = Some(request.clone());
    }

    /// A new operation was acknowledged.
    pub(super) fn acknowledge(&mut self, request: &Request, ack: Ack) -> Done {
        let row = self.row(request);
        let (mine, changed) = (request.want, row.held != request.want);
        (row.held, row.open, row.key) = (request.want, None, Some(request.key.clone()));
        row.operations += 1;
        let place = row.operations;
        self.acknowledged += 1;
        let expected = Ack { mine, changed, ..ack.clone() };
        if ack != expected {
            self.wrong(request, format!("{expected:?}"), format!("{ack:?}"));
        }
        Done { request: request.clone(), ack: expected, place }
    }

    /// A request that could not be applied, though nothing speaks against it.
    pub(super) fn refused(&mut self, request: &Request, reply: &Reply) {
        self.row(request).open = None;
        self.wrong(request, "acknowledged".into(), format!("{reply:?}"));
    }

    /// An acknowledged operation was sent again: it gets its first answer, or none for a while,
    /// or is refused once that many others have followed that it may be forgotten.
    pub(super) fn repeat(&mut self, done: &Done, reply: &Reply) {
        let newer = self.row(&done.request).operations - done.place;
        let fits = match reply {
            Reply::Acknowledged(ack) => *ack == done.ack,
            Reply::Stale => newer >= REMEMBERED,
            Reply::Busy | Reply::Unknown => true,
            Reply::Wrong(_) => false,
        };
        if !fits {
            let expected = format!("{:?} again", done.ack);
            self.wrong(&done.request, expected, format!("{reply:?}"));
        }
    }

    fn row(&mut self, request: &Request) -> &mut Row {
        let rows = self.rows.entry(request.post.clone()).or_default();
        rows.entry(request.user.clone()).or_default()
    }

    fn wrong(&mut self, request: &Request, expected: String, found: String) {
        let Request { key, user, .. } = request;
        let post = request.post.clone();
        let what = format!("the answer to {key} of {user}");
        self.wrong.push(Difference { copy: "answers".into(), post, what, expected, found });
    }

    /// Answers that were wrong.
    pub(super) fn wrong_answers(&self) -> &[Difference] {
        &self.wrong
    }

    /// Every post, and when it was created.
    pub(super) fn posts(&self) -> &BTreeMap<PostId, Millis> {
        &self.created
    }

    /// The rows of a post.
    pub(super) fn rows(&self, post: &PostId) -> Option<&BTreeMap<UserId, Row>> {
        self.rows.get(post)
    }
}
