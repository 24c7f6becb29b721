//! Whether the live counts are what the truth says, hashes and orders, while both change.
//!
//! A difference that is seen once may be a write under way. One that is still there at every further
//! look is none, and is mended: it is told again, or, where what is held is newer than the truth or
//! other than it at the same version, forgotten first.
//!
//! [`Rebuild::compare`] is all that a rebuild knows of this, so that another proof can take its place.

use std::collections::HashMap;

use kudos_core::ports::LiveEntry;
use kudos_core::{PortError, Post, PostId, Snapshot};
use kudos_projection::{Drift, drift};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::sleep;

use crate::progress::Phase;
use crate::{Rebuild, RebuildError};

/// Looks at a difference before it counts as one, each after a longer while.
const LOOKS: u32 = 3;
/// Differences that are looked at again together, so that an empty Redis costs no pause a page.
const TOGETHER: usize = 8_192;
/// Differences that are listed.
const LISTED: usize = 1_000;

/// How a post differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum Differs {
    /// What is held of it.
    Held(Drift),
    /// Its place in the orders is not that of what is held.
    #[serde(serialize_with = "order")]
    Order,
}

fn order<S: serde::Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(Differs::Order.as_str())
}

impl Differs {
    /// A short word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held(drift) => drift.as_str(),
            Self::Order => "order",
        }
    }

    /// Whether telling it again changes nothing.
    fn is_stubborn(self) -> bool {
        matches!(self, Self::Held(Drift::Ahead | Drift::Counts))
    }
}

/// A post that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The post.
    pub post: PostId,
    /// How.
    pub differs: Differs,
}

/// How the live counts compare with the truth.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Posts that were compared.
    pub compared: u64,
    /// Posts that differed and were mended.
    pub mended: u64,
    /// Posts that differ.
    pub different: u64,
    /// Of those that differ or were mended, at most 1,000.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_equal(&self) -> bool {
        self.different == 0
    }
}

/// Whether what differs is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mend {
    Yes,
    No,
}

/// What differs, with the truth that it was compared with.
type Found = Vec<(Snapshot, Differs)>;

impl Rebuild {
    /// Compares every post that is to be rebuilt.
    pub(crate) async fn compare(&self, mend: Mend) -> Result<Comparison, RebuildError> {
        let shares = self.all_shares();
        self.progress.begin(Phase::Comparing, Some(shares.len() as u64));
        let (comparison, suspects) = (Mutex::new(Comparison::default()), Mutex::new(Vec::new()));
        self.walk(shares, async |_, page| {
            let snapshots = page.snapshots;
            let look = async || self.first_look(&snapshots).await;
            let new = self.until_done("reading the live counts", look).await?;
            comparison.lock().compared += snapshots.len() as u64;
            self.progress.did(snapshots.len());
            let enough = {
                let mut suspects = suspects.lock();
                suspects.extend(new);
                (suspects.len() >= TOGETHER).then(|| std::mem::take(&mut *suspects))
            };
            match enough {
                Some(suspects) => self.judge(suspects, mend, &comparison).await,
                None => Ok(()),
            }
        })
        .await?;
        self.judge(suspects.into_inner(), mend, &comparison).await?;
        Ok(comparison.into_inner())
    }

    /// Looks at suspects until they are innocent or found, and mends these.
    async fn judge(
        &self,
        suspects: Vec<Snapshot>,
        mend: Mend,
        comparison: &Mutex<Comparison>,
    ) -> Result<(), RebuildError> {
        let found = self.looks(suspects).await?;
        let left = match mend {
            Mend::Yes if !found.is_empty() => self.mend(&found).await?,
            _ => found.clone(),
        };
        let mut comparison = comparison.lock();
        comparison.mended += (found.len() - left.len()) as u64;
        comparison.different += left.len() as u64;
        for (snapshot, differs) in found {
            if comparison.differences.len() < LISTED {
                comparison.differences.push(Difference { post: snapshot.post.id, differs });
            }
        }
        Ok(())
    }

    /// Which of some posts differ at every look.
    async fn looks(&self, mut suspects: Vec<Snapshot>) -> Result<Found, RebuildError> {
        let mut found = Vec::new();
        for number in 1..=LOOKS {
            if suspects.is_empty() {
                return Ok(Vec::new());
            }
            sleep(self.limits.second_look * number).await;
            found.clear();
            for some in suspects.chunks(self.limits.page.max(1)) {
                let look = async || self.look(some).await;
                found.extend(self.until_done("reading the live counts", look).await?);
            }
            suspects = found.iter().map(|(now, _): &(Snapshot, Differs)| now.clone()).collect();
        }
        Ok(found)
    }

    async fn first_look(&self, before: &[Snapshot]) -> Result<Vec<Snapshot>, PortError> {
        let posts = ids(before);
        let listed = self.ports.holdings.listed(&posts).await?;
        let held = self.ports.live.entries(&posts).await?;
        let pairs = before.iter().zip(held.iter().zip(listed));
        let suspects = pairs.filter(|(snapshot, (held, listed))| {
            drift(snapshot, None, held.as_ref()).is_some() || place(held.as_ref()) != *listed
        });
        Ok(suspects.map(|(snapshot, _)| without_text(snapshot)).collect())
    }

    /// Compares with the truth as it was before and is after, so that neither a change meanwhile nor
    /// a rank that follows its hash a moment later is a difference.
    async fn look(&self, before: &[Snapshot]) -> Result<Found, PortError> {
        let posts = ids(before);
        let held = self.ports.live.entries(&posts).await?;
        let listed = self.ports.holdings.listed(&posts).await?;
        let again = self.ports.live.entries(&posts).await?;
        let now = self.ports.truth.snapshots(&posts).await?;
        let now: HashMap<_, _> =
            now.into_iter().flatten().map(|now| (now.post.id.clone(), now)).collect();
        let mut found = Vec::new();
        for (((before, held), listed), again) in before.iter().zip(held).zip(listed).zip(again) {
            let Some(now) = now.get(&before.post.id) else { continue };
            let differs = match drift(before, Some(now), held.as_ref()) {
                Some(drift) => Some(Differs::Held(drift)),
                None if held == again && place(held.as_ref()) != listed => Some(Differs::Order),
                None => None,
            };
            found.extend(differs.map(|differs| (without_text(now), differs)));
        }
        Ok(found)
    }

    /// Tells of posts again. Which of them differ nevertheless.
    async fn mend(&self, found: &[(Snapshot, Differs)]) -> Result<Found, RebuildError> {
        let stubborn = found.iter().filter(|(_, differs)| differs.is_stubborn());
        let stubborn: Vec<_> = stubborn.map(|(now, _)| now.post.id.clone()).collect();
        if !stubborn.is_empty() {
            self.forget(&stubborn).await?;
        }
        let mut told = Vec::with_capacity(found.len());
        for some in found.chunks(self.limits.page.max(1)) {
            let posts: Vec<_> = some.iter().map(|(now, _)| now.post.id.clone()).collect();
            let read = async || self.ports.truth.snapshots(&posts).await;
            let now: Vec<_> =
                self.until_done("reading the truth", read).await?.into_iter().flatten().collect();
            self.restate(&now).await?;
            told.extend(now.iter().map(without_text));
        }
        self.looks(told).await
    }
}

/// What a comparison needs, and may keep many of.
fn without_text(snapshot: &Snapshot) -> Snapshot {
    let Snapshot { post, hidden, revision, state } = snapshot;
    let (title, body, author) = (String::new(), String::new(), String::new());
    let post = Post { id: post.id.clone(), title, body, author, created_at: post.created_at };
    Snapshot { post, hidden: *hidden, revision: *revision, state: state.clone() }
}

/// The total under which the orders have to list what is held; none if they must not.
fn place(held: Option<&LiveEntry>) -> Option<u64> {
    held.filter(|held| !held.hidden).map(|held| held.state.counts.total())
}

fn ids(snapshots: &[Snapshot]) -> Vec<PostId> {
    snapshots.iter().map(|snapshot| snapshot.post.id.clone()).collect()
}
