//! What a copy holds that the truth does not know, or not there.

use std::collections::{BTreeMap, BTreeSet};

use kudos_core::PostId;
use kudos_core::ports::{Said, Standing};
use tokio::time::sleep;

use crate::look::by_post;
use crate::report::{Difference, Failure, Field, Wrong};
use crate::verifier::{Run, Verifier};

/// Found strangers that are kept before the search waits for a second look at them.
const STRANGERS: usize = 4_096;

/// Somewhere in a copy where a post must not be.
pub(crate) struct Stranger(Standing);

impl Verifier {
    /// Those of the standings that the truth knows nothing of.
    async fn strange(
        &self,
        place: usize,
        standings: Vec<Standing>,
    ) -> Result<Vec<Standing>, Failure> {
        let mirror = &*self.mirrors[place];
        let posts: BTreeSet<_> = standings.iter().map(|standing| &standing.post).collect();
        let posts: Vec<PostId> = posts.into_iter().cloned().collect();
        let truth = by_post(self.truth.read(&posts).await?);
        let belongs = |standing: &Standing| {
            truth.get(&standing.post).is_some_and(|truth| mirror.belongs(truth, &standing.place))
        };
        Ok(standings.into_iter().filter(|standing| !belongs(standing)).collect())
    }

    /// Those that are there.
    async fn standing(
        &self,
        place: usize,
        standings: Vec<Standing>,
    ) -> Result<Vec<Standing>, Failure> {
        let mirror = &*self.mirrors[place];
        let stands = self.truth.patience.ask(mirror.name(), || mirror.stands(&standings)).await?;
        let standing = standings.into_iter().zip(stands).filter(|(_, stands)| *stands);
        Ok(standing.map(|(standing, _)| standing).collect())
    }

    /// Removes strangers, and answers with those that are there nevertheless. A post that was
    /// stored meanwhile is told again, so that nothing is removed that belongs.
    async fn expel(
        &self,
        place: usize,
        strangers: Vec<Standing>,
    ) -> Result<Vec<Standing>, Failure> {
        let (mirror, patience) = (&*self.mirrors[place], self.truth.patience);
        patience.ask(mirror.name(), || mirror.remove(&strangers)).await?;
        let posts: BTreeSet<_> = strangers.iter().map(|stranger| &stranger.post).collect();
        let posts: Vec<PostId> = posts.into_iter().cloned().collect();
        let known: Vec<_> = self.truth.read(&posts).await?.into_iter().flatten().collect();
        if !known.is_empty() {
            patience.ask(mirror.name(), || mirror.tell(&known)).await?;
        }
        let there = self.standing(place, strangers).await?;
        self.strange(place, there).await
    }
}

impl Run<'_> {
    /// Walks through all that a copy holds.
    pub(crate) async fn search(&mut self, place: usize) -> Result<(), Failure> {
        if !self.is_asked(place) {
            return Ok(());
        }
        let searched = self.walk(place).await;
        self.strangers.clear();
        searched.or_else(|failure| self.give_up(failure))
    }

    async fn walk(&mut self, place: usize) -> Result<(), Failure> {
        let (verifier, name) = (self.verifier, self.verifier.mirrors[place].name());
        let (patience, limit) = (verifier.truth.patience, verifier.settings.page.max(1) * 4);
        let mut walk = patience.ask(name, || verifier.mirrors[place].walk()).await?;
        while let Some(standings) = patience.step(name, &mut *walk, limit).await? {
            self.report.copies[place].searched += standings.len() as u64;
            let strange = verifier.strange(place, standings).await?;
            self.strangers.extend(strange.into_iter().map(Stranger));
            if self.strangers.len() >= STRANGERS {
                self.judge_strangers(place).await?;
            }
            self.tell(name, self.report.copies[place].searched);
        }
        self.judge_strangers(place).await
    }

    /// Looks for these posts wherever a copy may hold them, and answers with those that it holds.
    pub(crate) async fn search_for(
        &mut self,
        place: usize,
        posts: &[PostId],
    ) -> Result<Vec<PostId>, Failure> {
        let (verifier, mirror) = (self.verifier, &*self.verifier.mirrors[place]);
        let mut met = Vec::new();
        for post in posts {
            if !self.is_asked(place) {
                break;
            }
            match verifier.truth.patience.ask(mirror.name(), || mirror.places(post)).await {
                Ok(found) => {
                    met.extend(found.first().map(|_| post.clone()));
                    let strange = verifier.strange(place, found).await?;
                    self.strangers.extend(strange.into_iter().map(Stranger));
                }
                Err(failure) => self.give_up(failure)?,
            }
        }
        self.judge_strangers(place).await.or_else(|failure| self.give_up(failure))?;
        Ok(met)
    }

    /// A stranger is one that is there still, and that the truth still does not know.
    async fn judge_strangers(&mut self, place: usize) -> Result<(), Failure> {
        if self.strangers.is_empty() {
            return Ok(());
        }
        sleep(self.verifier.settings.settle).await;
        let suspects = self.strangers.drain(..).map(|Stranger(standing)| standing).collect();
        let there = self.verifier.standing(place, suspects).await?;
        let mut strangers = self.verifier.strange(place, there).await?;
        strangers.sort();
        strangers.dedup();
        if strangers.is_empty() {
            return Ok(());
        }
        let left = match self.verifier.settings.mend {
            true => Some(self.verifier.expel(place, strangers.clone()).await?),
            false => None,
        };
        self.add_strangers(place, strangers, left.as_deref());
        Ok(())
    }

    fn add_strangers(&mut self, place: usize, strangers: Vec<Standing>, left: Option<&[Standing]>) {
        let mut by_post: BTreeMap<PostId, Vec<Standing>> = BTreeMap::new();
        for stranger in strangers {
            by_post.entry(stranger.post.clone()).or_default().push(stranger);
        }
        let copy = self.verifier.mirrors[place].name();
        for (post, standings) in by_post {
            let mended = left.map(|left| !standings.iter().any(|standing| left.contains(standing)));
            let found = Some(Said::Flag(true));
            let field = |standing: Standing| Field { name: standing.place, truth: None, found };
            let fields = standings.into_iter().map(field).collect();
            let found = Difference { post, copy, wrong: Wrong::Stranger, fields, mended };
            self.report.add(found, self.verifier.settings.listed);
        }
    }
}
