use std::fmt;

use async_trait::async_trait;
use serde::{Serialize, Serializer};

use crate::counts::Counts;
use crate::error::PortError;
use crate::id::PostId;
use crate::kind::Kinds;
use crate::snapshot::Snapshot;

/// A value that a copy holds of a post.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Said {
    /// A count, a version, a time in milliseconds.
    Number(u64),
    /// A place in an order.
    Score(f64),
    /// Yes or no.
    Flag(bool),
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Score(score) => score.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
        }
    }
}

/// What a copy says of a post, each value under a name, in the copy's own order. Empty if it holds
/// nothing of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts(Vec<(String, Said)>);

impl Facts {
    /// The name of the version, in copies that have one: it only grows.
    pub const VERSION: &'static str = "version";

    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same and one more.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, said: Said) -> Self {
        self.0.push((name.into(), said));
        self
    }

    /// The same and the count of each kind, zeros too.
    #[must_use]
    pub fn with_counts(mut self, counts: &Counts, kinds: &Kinds) -> Self {
        let count = |kind| (kinds.name(kind).to_owned(), Said::Number(counts.get(kind)));
        self.0.extend(kinds.all().map(count));
        self
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<Said> {
        self.0.iter().find(|(known, _)| known == name).map(|&(_, said)| said)
    }

    /// The version, of copies that have one.
    pub fn version(&self) -> Option<u64> {
        match self.get(Self::VERSION) {
            Some(Said::Number(version)) => Some(version),
            _ => None,
        }
    }

    /// Every name and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Said)> {
        self.0.iter().map(|(name, said)| (name.as_str(), *said))
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Somewhere in a copy where a post stands: a key, a row, an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Standing {
    /// The post.
    pub post: PostId,
    /// The name of the key, table, index or order.
    pub place: String,
}

/// A copy of the truth as whoever compares it sees it: what it ought to say of a post, what it
/// says, and where it holds what it must not. It can be mended too, whatever it holds.
///
/// Every answer is of the copy as it is now, and whole: what cannot be asked is an error, and never
/// nothing.
#[async_trait]
pub trait Mirror: Send + Sync {
    /// A short, constant name for people and scripts.
    fn name(&self) -> &'static str;

    /// What it has to say of a post; empty if it must not hold it.
    fn expected(&self, truth: &Snapshot) -> Facts;

    /// What it says of each post, in the order asked, where it ought to hold it.
    async fn held(&self, posts: &[Snapshot]) -> Result<Vec<Facts>, PortError>;

    /// Whether [`held`](Self::held) looks at this place when it is asked for the post: then the
    /// post is no stranger there.
    fn belongs(&self, _truth: &Snapshot, _place: &str) -> bool {
        true
    }

    /// Every place where it may hold the post, also where it must not be.
    fn candidates(&self, post: &PostId) -> Vec<Standing>;

    /// Those of them that do hold it.
    async fn places(&self, post: &PostId) -> Result<Vec<Standing>, PortError> {
        let candidates = self.candidates(post);
        let stands = self.stands(&candidates).await?;
        let standing = candidates.into_iter().zip(stands).filter(|(_, stands)| *stands);
        Ok(standing.map(|(standing, _)| standing).collect())
    }

    /// Whether each of these is there, in the order asked.
    async fn stands(&self, standings: &[Standing]) -> Result<Vec<bool>, PortError>;

    /// Begins a walk over all that it holds.
    async fn walk(&self) -> Result<Box<dyn MirrorWalk + '_>, PortError>;

    /// Takes the snapshots over unless it holds something newer, or thinks so.
    async fn tell(&self, snapshots: &[Snapshot]) -> Result<(), PortError>;

    /// Has it take the next thing that it is told of these posts, whatever it holds now. What it
    /// is told then has to be read from the truth after this. A copy that cannot does nothing.
    async fn forget(&self, _posts: &[PostId]) -> Result<(), PortError> {
        Ok(())
    }

    /// Takes posts away from where they must not be.
    async fn remove(&self, standings: &[Standing]) -> Result<(), PortError>;
}

/// A walk over all that a copy holds. What comes or goes meanwhile may be left out or told twice.
#[async_trait]
pub trait MirrorWalk: Send {
    /// Some more, about `limit`, possibly none; `None` at the end.
    async fn next(&mut self, limit: usize) -> Result<Option<Vec<Standing>>, PortError>;
}
