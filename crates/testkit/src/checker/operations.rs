use std::collections::{BTreeMap, HashMap};

use kudos_core::{PostId, UserId};

use super::client::{Ack, Reply, Request};
use super::recording::{Moment, Reading, Recording, Sending, Shown};

/// All sendings of one request: it happened once between the first sending and the first
/// acknowledgement, or, if there is none, at most once and any time after the first sending.
#[derive(Debug, Clone)]
pub(super) struct Op<'a> {
    pub(super) request: &'a Request,
    pub(super) begun: Moment,
    /// When it was acknowledged first, and how.
    pub(super) ended: Option<(Moment, &'a Ack)>,
    /// An acknowledgement that is not the first one again.
    pub(super) other: Option<&'a Ack>,
    /// Whether some sending may have been applied.
    possible: bool,
}

/// What a read showed of one post.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) begun: Moment,
    pub(super) ended: Moment,
    pub(super) shown: &'a Shown,
}

/// What was done to a post, and seen of it.
#[derive(Debug, Default)]
pub(super) struct PostHistory<'a> {
    pub(super) ops: Vec<Op<'a>>,
    pub(super) looks: Vec<Look<'a>>,
}

/// The histories of all posts. Requests that were surely never applied are no part of them.
pub(super) fn by_post(recording: &Recording) -> BTreeMap<&PostId, PostHistory<'_>> {
    let mut posts: BTreeMap<&PostId, PostHistory<'_>> = BTreeMap::new();
    for op in operations(recording.sends()) {
        posts.entry(&op.request.post).or_default().ops.push(op);
    }
    for look in recording.reads().iter().flat_map(looks) {
        posts.entry(&look.shown.post).or_default().looks.push(look);
    }
    posts
}

fn operations(sends: &[Sending]) -> impl Iterator<Item = Op<'_>> {
    let mut known: HashMap<(&PostId, &UserId, &str), usize> = HashMap::new();
    let mut ops: Vec<Op<'_>> = Vec::new();
    for sending in sends {
        let Request { key, post, user, .. } = &sending.request;
        let place = *known.entry((post, user, key)).or_insert(ops.len());
        if place == ops.len() {
            ops.push(Op::new(sending));
        }
        ops[place].add(sending);
    }
    ops.into_iter().filter(|op| op.possible)
}

fn looks(reading: &Reading) -> impl Iterator<Item = Look<'_>> {
    let begun = reading.begun;
    let ended = reading.ended.iter();
    ended.flat_map(move |(ended, shown)| {
        shown.iter().flatten().map(move |shown| Look { begun, ended: *ended, shown })
    })
}

impl<'a> Op<'a> {
    /// Sendings come in the order in which they began.
    fn new(sending: &'a Sending) -> Self {
        let Sending { request, begun, .. } = sending;
        Self { request, begun: *begun, ended: None, other: None, possible: false }
    }

    fn add(&mut self, sending: &'a Sending) {
        let Some((ended, reply)) = &sending.ended else {
            self.possible = true;
            return;
        };
        match reply {
            Reply::Stale | Reply::Busy => {}
            Reply::Unknown | Reply::Wrong(_) => self.possible = true,
            Reply::Acknowledged(ack) => self.acknowledged(*ended, ack),
        }
    }

    fn acknowledged(&mut self, ended: Moment, ack: &'a Ack) {
        self.possible = true;
        let first = *self.ended.get_or_insert((ended, ack));
        if first.1 != ack {
            self.other = Some(ack);
        }
        if ended < first.0 {
            self.ended = Some((ended, ack));
        }
    }
}
