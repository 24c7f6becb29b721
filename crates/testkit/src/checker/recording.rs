use std::time::Duration;

use kudos_core::{Counts, PostId, Version};
use tokio::time::Instant;

use super::client::{Reply, Request};

/// Everything that was asked: when, when it was answered, and with what.
///
/// What is begun and never ended stays under way for ever: nobody knows whether it happened.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    sends: Vec<Sending>,
    reads: Vec<Reading>,
    moments: u64,
}

/// A request that is on its way.
#[derive(Debug)]
#[must_use = "a request that nobody ends stays under way"]
pub struct Sent(usize);

/// A read that is on its way.
#[derive(Debug)]
#[must_use = "a read that nobody ends stays under way"]
pub struct Asked(usize);

/// What a read showed of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The post.
    pub post: PostId,
    /// The version that was shown.
    pub version: Version,
    /// The counts that were shown.
    pub counts: Counts,
    /// How old the answer may be.
    pub freshness: Freshness,
}

/// What an answer says of its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It has all that was acknowledged before it was asked for.
    Fresh,
    /// It has all that was acknowledged so long before it was asked for: of a copy that is told
    /// after the answer.
    Within(Duration),
    /// It says itself that it may be old. It has been true once.
    Old,
}

/// A moment, and its place among all that were recorded: two may fall on one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) place: u64,
    pub(super) at: Instant,
}

/// One sending of a request.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    pub(super) request: Request,
    pub(super) begun: Moment,
    pub(super) ended: Option<(Moment, Reply)>,
}

/// One read, of one post or of a page of them.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) begun: Moment,
    /// What was shown, unless the read failed.
    pub(super) ended: Option<(Moment, Option<Vec<Shown>>)>,
}

impl Recording {
    /// Without anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// A request is sent now.
    pub fn sent(&mut self, request: &Request) -> Sent {
        let begun = self.now();
        self.sends.push(Sending { request: request.clone(), begun, ended: None });
        Sent(self.sends.len() - 1)
    }

    /// It is answered now.
    pub fn answered(&mut self, sent: Sent, reply: &Reply) {
        let now = self.now();
        if let Some(sending) = self.sends.get_mut(sent.0) {
            sending.ended = Some((now, reply.clone()));
        }
    }

    /// A read is sent now.
    pub fn asked(&mut self) -> Asked {
        let begun = self.now();
        self.reads.push(Reading { begun, ended: None });
        Asked(self.reads.len() - 1)
    }

    /// It is answered now, with what it shows; with none it failed.
    pub fn shown(&mut self, asked: Asked, shown: Option<Vec<Shown>>) {
        let now = self.now();
        if let Some(reading) = self.reads.get_mut(asked.0) {
            reading.ended = Some((now, shown));
        }
    }

    /// Every request, in the order in which they were sent.
    pub(super) fn sends(&self) -> &[Sending] {
        &self.sends
    }

    /// Every read, in the order in which they were sent.
    pub(super) fn reads(&self) -> &[Reading] {
        &self.reads
    }

    fn now(&mut self) -> Moment {
        self.moments += 1;
        Moment { place: self.moments, at: Instant::now() }
    }
}
