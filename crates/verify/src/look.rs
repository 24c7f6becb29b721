//! Looking at copies, and again at what differs.

use std::collections::BTreeMap;

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use kudos_core::{PostId, Snapshot};
use tokio::time::sleep;

use crate::judge::{Truth, Verdict, judge};
use crate::report::{Difference, Failure};
use crate::rows::Recount;
use crate::verifier::{Run, Verifier};

/// Posts of a page whose rows are counted at once.
const RECOUNTED_AT_ONCE: usize = 8;

/// A post of which a copy differs, or is behind for a moment.
pub(crate) struct Suspect {
    /// The copy's place among the mirrors.
    pub(crate) mirror: usize,
    /// The truth at the last look, without texts.
    pub(crate) earlier: Snapshot,
}

/// What a first look at a page found.
pub(crate) struct Looked {
    pub(crate) posts: u64,
    pub(crate) recounts: Vec<Result<Recount, Failure>>,
    /// Of each copy.
    pub(crate) suspects: Vec<Result<Vec<Suspect>, Failure>>,
}

/// What a further look found.
struct Again {
    left: Vec<Suspect>,
    wrong: Vec<Difference>,
}

impl Verifier {
    /// Compares a page, the first post of which is the `first` of all; the rows of each
    /// `every`-th are counted.
    pub(crate) async fn first_look(&self, page: &[Snapshot], first: u64, every: u64) -> Looked {
        let numbered = (first..).zip(page);
        let counted = numbered.filter(|(number, _)| every > 0 && number.is_multiple_of(every));
        let recounts: Vec<_> = counted.map(|(_, snapshot)| self.recount(snapshot)).collect();
        let recounts = stream::iter(recounts).buffer_unordered(RECOUNTED_AT_ONCE).collect();
        let mirrors = (0..self.mirrors.len()).map(|mirror| self.suspects(mirror, page));
        let (recounts, suspects) = futures::join!(recounts, join_all(mirrors));
        Looked { posts: page.len() as u64, recounts, suspects }
    }

    async fn suspects(&self, place: usize, page: &[Snapshot]) -> Result<Vec<Suspect>, Failure> {
        let mirror = &*self.mirrors[place];
        let held = self.truth.patience.ask(mirror.name(), || mirror.held(page)).await?;
        let differs = page.iter().zip(held).filter(|(truth, held)| mirror.expected(truth) != *held);
        let suspect = |truth| Suspect { mirror: place, earlier: without_text(truth) };
        Ok(differs.map(|(truth, _)| suspect(truth)).collect())
    }

    async fn again(&self, place: usize, suspects: Vec<Suspect>) -> Result<Again, Failure> {
        let mirror = &*self.mirrors[place];
        let posts: Vec<_> = suspects.iter().map(|s| s.earlier.post.id.clone()).collect();
        let before: Vec<_> = self.truth.read(&posts).await?.into_iter().flatten().collect();
        let held = self.truth.patience.ask(mirror.name(), || mirror.held(&before)).await?;
        let mut after = by_post(self.truth.read(&posts).await?);
        let mut earlier = by_post(suspects.into_iter().map(|suspect| Some(suspect.earlier)));
        let mut again = Again { left: Vec::new(), wrong: Vec::new() };
        for (before, held) in before.iter().zip(held) {
            let post = &before.post.id;
            let (Some(earlier), Some(after)) = (earlier.remove(post), after.remove(post)) else {
                continue;
            };
            let truth = Truth { earlier: &earlier, before, after: &after };
            match judge(mirror, &truth, &held) {
                Verdict::Equal => {}
                Verdict::Open => {
                    again.left.push(Suspect { mirror: place, earlier: without_text(&after) });
                }
                Verdict::Wrong(wrong, fields) => {
                    let (post, copy) = (post.clone(), mirror.name());
                    again.wrong.push(Difference { post, copy, wrong, fields, mended: None });
                }
            }
        }
        Ok(again)
    }
}

impl Run<'_> {
    /// Waits until changes have arrived, and looks at all suspects again, a few times if they
    /// change all the while.
    pub(crate) async fn second_look(&mut self) -> Result<(), Failure> {
        for _ in 0..self.verifier.settings.looks.max(1) {
            if self.suspects.is_empty() {
                return Ok(());
            }
            sleep(self.verifier.settings.settle).await;
            self.look_again().await?;
        }
        self.report.unsettled += self.suspects.drain(..).len() as u64;
        Ok(())
    }

    /// All copies are looked at before any is mended: mending one may mend those that follow it.
    async fn look_again(&mut self) -> Result<(), Failure> {
        let verifier = self.verifier;
        let mut by_mirror: BTreeMap<usize, Vec<Suspect>> = BTreeMap::new();
        for suspect in self.suspects.drain(..) {
            by_mirror.entry(suspect.mirror).or_default().push(suspect);
        }
        let mut chunks = Vec::new();
        for (place, mut suspects) in
            by_mirror.into_iter().filter(|&(place, _)| self.is_asked(place))
        {
            while !suspects.is_empty() {
                let rest = suspects.split_off(suspects.len().min(verifier.settings.page.max(1)));
                chunks.push((place, std::mem::replace(&mut suspects, rest)));
            }
        }
        let looks = chunks
            .into_iter()
            .map(|(place, chunk)| async move { (place, verifier.again(place, chunk).await) });
        let looks = stream::iter(looks).buffer_unordered(verifier.settings.in_flight.max(1));
        let looks: Vec<_> = looks.collect().await;
        let mut wrong: BTreeMap<usize, Vec<Difference>> = BTreeMap::new();
        for (place, again) in looks {
            match again {
                Ok(again) => {
                    self.suspects.extend(again.left);
                    wrong.entry(place).or_default().extend(again.wrong);
                }
                Err(failure) => self.give_up(failure)?,
            }
        }
        for (place, differences) in wrong {
            self.record(place, differences).await?;
        }
        Ok(())
    }

    /// Puts differences into the report, mended if that is wanted.
    async fn record(
        &mut self,
        place: usize,
        mut differences: Vec<Difference>,
    ) -> Result<(), Failure> {
        let settings = &self.verifier.settings;
        let mut failed = None;
        if settings.mend {
            let posts: Vec<_> = differences.iter().map(|found| found.post.clone()).collect();
            let left = match self.verifier.mend(place, posts.clone()).await {
                Ok(left) => left,
                Err(failure) => {
                    failed = Some(failure);
                    posts
                }
            };
            for found in &mut differences {
                found.mended = Some(!left.contains(&found.post));
            }
        }
        for found in differences {
            self.report.add(found, settings.listed);
        }
        failed.map_or(Ok(()), |failure| self.give_up(failure))
    }
}

pub(crate) fn by_post(
    snapshots: impl IntoIterator<Item = Option<Snapshot>>,
) -> BTreeMap<PostId, Snapshot> {
    snapshots.into_iter().flatten().map(|truth| (truth.post.id.clone(), truth)).collect()
}

/// No copy is compared by texts, which are long: their change has a revision.
fn without_text(snapshot: &Snapshot) -> Snapshot {
    let mut post = snapshot.post.clone();
    (post.title, post.body, post.author) = (String::new(), String::new(), String::new());
    Snapshot { post, state: snapshot.state.clone(), ..*snapshot }
}
