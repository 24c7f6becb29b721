use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::PortError;
use crate::id::PostId;
use crate::time::Millis;

/// What is written into a part of a projection again and again, so that its age tells what the part
/// has lost: a part that holds a mark also holds what it was told before the mark was written.
/// Whether it holds what it was told since, only the next mark tells, or that it has changed hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// When it was written. Newer marks of a part have later times.
    pub at: Millis,
    /// What reached the log before this time had been told to the part by then; none if that was
    /// not known of anything.
    pub sure: Option<Millis>,
}

/// What somebody believes a part to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Believed {
    /// Nothing is believed: it is only looked.
    Unknown,
    /// No mark.
    Absent,
    /// This mark.
    Mark(Mark),
}

/// A part's mark is replaced if it is the one that is believed to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// The part, from 0.
    pub part: usize,
    /// What it is believed to hold.
    pub believed: Believed,
    /// What it then holds instead.
    pub new: Mark,
}

/// What an exchange met with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The mark that was there.
    pub mark: Option<Mark>,
    /// Who holds the part: another server, or the same one started anew, has another name.
    pub holder: Arc<str>,
}

/// Whether a post is in one of some parts.
pub type Reach = Arc<dyn Fn(&PostId) -> bool + Send + Sync>;

/// A projection that is made of parts, each of which can lose its last writes, or all.
#[async_trait]
pub trait Marks: Send + Sync {
    /// How many parts there are.
    fn parts(&self) -> usize;

    /// Exchanges marks and tells of each what was found. A mark that was not the one believed in
    /// was not replaced.
    /// After an error nobody knows whether it was.
    async fn exchange(&self, exchanges: &[Exchange]) -> Vec<Result<Found, PortError>>;

    /// The posts of which some state may be in these parts, or in what is lost together with them.
    fn reach(&self, parts: &BTreeSet<usize>) -> Reach;
}
