use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt;
use kudos_core::ports::{Mirror, Share, Snapshots};
use kudos_core::{Kinds, PostId};
use tokio_util::sync::CancellationToken;

use crate::look::{Looked, Suspect};
use crate::report::{CopyReport, Failure, POSTS, Progress, Report};
use crate::rows::Recount;
use crate::settings::VerifySettings;
use crate::strangers::Stranger;
use crate::truth::{Patience, PatientTruth, TRUTH};

/// Suspects that are kept before the walk waits for a second look at them.
const SUSPECTS: usize = 4_096;

/// Compares copies with the truth.
pub struct Verifier {
    pub(crate) truth: PatientTruth,
    pub(crate) mirrors: Vec<Arc<dyn Mirror>>,
    pub(crate) kinds: Kinds,
    pub(crate) settings: VerifySettings,
}

/// One pass, and what it has found so far.
pub(crate) struct Run<'a> {
    pub(crate) verifier: &'a Verifier,
    pub(crate) report: Report,
    pub(crate) suspects: Vec<Suspect>,
    pub(crate) strangers: Vec<Stranger>,
    progress: &'a mut (dyn FnMut(Progress) + Send),
}

impl Verifier {
    /// A verifier of these copies. One that others follow stands before them (the hashes of Redis
    /// before its ranks), so that it is mended first.
    pub fn new(
        truth: Arc<dyn Snapshots>,
        mirrors: Vec<Arc<dyn Mirror>>,
        kinds: &Kinds,
        settings: VerifySettings,
    ) -> Self {
        let truth = PatientTruth { port: truth, patience: Patience::of(&settings) };
        Self { truth, mirrors, kinds: kinds.clone(), settings }
    }

    /// Compares every post of a share; if that is all of them, copies are also searched for what
    /// the truth does not know. When `stop` is told, it ends at once, and what was found and done
    /// until then is in the report.
    pub async fn run(
        &self,
        share: Share,
        progress: &mut (dyn FnMut(Progress) + Send),
        stop: &CancellationToken,
    ) -> Report {
        let mut run = Run::new(self, progress);
        let done = stop.run_until_cancelled(Box::pin(run.everything(share))).await;
        run.finish(done)
    }

    /// The same for some posts: of each also its rows, unless no rows are to be counted, and
    /// wherever a copy holds it.
    pub async fn examine(&self, posts: &[PostId], stop: &CancellationToken) -> Report {
        let mut progress = |_| {};
        let mut run = Run::new(self, &mut progress);
        let done = stop.run_until_cancelled(Box::pin(run.named(posts))).await;
        run.finish(done)
    }
}

impl<'a> Run<'a> {
    fn new(verifier: &'a Verifier, progress: &'a mut (dyn FnMut(Progress) + Send)) -> Self {
        let copy = |mirror: &Arc<dyn Mirror>| CopyReport {
            copy: mirror.name(),
            compared: 0,
            searched: 0,
            differing: 0,
        };
        let copies = verifier.mirrors.iter().map(copy).collect();
        let report = Report { copies, ..Report::default() };
        Self { verifier, report, suspects: Vec::new(), strangers: Vec::new(), progress }
    }

    fn finish(self, done: Option<Result<(), Failure>>) -> Report {
        let mut report = self.report;
        match done {
            Some(Ok(())) => report.finished = true,
            Some(Err(failure)) => report.fail(failure),
            None => {}
        }
        report
    }

    async fn everything(&mut self, share: Share) -> Result<(), Failure> {
        self.posts(share).await?;
        if self.verifier.settings.strangers && share == Share::ALL {
            for place in 0..self.verifier.mirrors.len() {
                self.search(place).await?;
            }
        }
        Ok(())
    }

    async fn posts(&mut self, share: Share) -> Result<(), Failure> {
        let verifier = self.verifier;
        let (seen, every) = (&AtomicU64::new(0), verifier.settings.rows_every);
        let pages = verifier.truth.pages(share, &verifier.settings).map(|page| async move {
            let page = page?;
            let first = seen.fetch_add(page.len() as u64, Ordering::Relaxed);
            Ok(verifier.first_look(&page, first, every).await)
        });
        let mut looks = pin!(pages.buffer_unordered(verifier.settings.in_flight.max(1)));
        while let Some(looked) = looks.next().await {
            self.take(looked?)?;
            if self.suspects.len() >= SUSPECTS {
                self.second_look().await?;
            }
            self.tell(POSTS, self.report.posts);
        }
        self.second_look().await
    }

    async fn named(&mut self, posts: &[PostId]) -> Result<(), Failure> {
        let known = self.verifier.truth.read(posts).await?;
        let page: Vec<_> = known.iter().flatten().cloned().collect();
        let every = self.verifier.settings.rows_every.min(1);
        let looked = self.verifier.first_look(&page, 0, every).await;
        self.take(looked)?;
        self.second_look().await?;
        let mut met: BTreeSet<_> = page.into_iter().map(|truth| truth.post.id).collect();
        for place in 0..self.verifier.mirrors.len() {
            met.extend(self.search_for(place, posts).await?);
        }
        self.report.unknown = posts.iter().filter(|post| !met.contains(*post)).cloned().collect();
        Ok(())
    }

    fn take(&mut self, looked: Looked) -> Result<(), Failure> {
        let Looked { posts, recounts, suspects } = looked;
        self.report.posts += posts;
        for recount in recounts {
            match recount {
                Ok(Recount::Equal) => self.report.recounted += 1,
                Ok(Recount::Unsettled) => self.report.unsettled += 1,
                Ok(Recount::Different(difference)) => {
                    self.report.recounted += 1;
                    self.report.add(difference, self.verifier.settings.listed);
                }
                Err(failure) => self.give_up(failure)?,
            }
        }
        for (copy, found) in self.report.copies.iter_mut().zip(&suspects) {
            copy.compared += if found.is_ok() { posts } else { 0 };
        }
        for found in suspects {
            match found {
                Ok(suspects) => self.suspects.extend(suspects),
                Err(failure) => self.give_up(failure)?,
            }
        }
        Ok(())
    }

    /// A copy that does not answer is not asked again; without the truth nothing goes on.
    pub(crate) fn give_up(&mut self, failure: Failure) -> Result<(), Failure> {
        if failure.copy == TRUTH {
            return Err(failure);
        }
        self.report.fail(failure);
        Ok(())
    }

    /// Whether a copy is still asked.
    pub(crate) fn is_asked(&self, place: usize) -> bool {
        !self.report.has_failed(self.verifier.mirrors[place].name())
    }

    pub(crate) fn tell(&mut self, task: &'static str, done: u64) {
        (self.progress)(Progress { task, done, differing: self.report.differing });
    }
}
