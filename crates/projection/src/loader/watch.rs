//! What a projection has lost, told from the age of its marks.

use std::collections::BTreeSet;
use std::sync::Arc;

use kudos_core::ports::{Believed, Exchange, Found, Mark, Marks};
use kudos_core::{Millis, PortError};
use parking_lot::Mutex;

/// What is known of each part of the projection while the lease is held.
pub(super) struct Watch {
    marks: Arc<dyn Marks>,
    parts: Mutex<Vec<Part>>,
}

#[derive(Debug, Clone)]
struct Part {
    /// The mark that it holds, as far as was answered.
    believed: Believed,
    /// Who was seen to hold it.
    holder: Option<Arc<str>>,
    lost: Option<Lost>,
}

/// What a part lost and was not told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lost {
    /// Since when; none if it may be all.
    since: Option<Millis>,
    /// Counts the part's losses, so that one that comes meanwhile is not taken for made up.
    number: u64,
    /// Whether somebody makes up for it.
    taken: bool,
}

/// Losses that are known at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Losses(Vec<(usize, Lost)>);

impl Losses {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parts that may have lost everything.
    pub(super) fn emptied(&self) -> BTreeSet<usize> {
        let emptied = self.0.iter().filter(|(_, lost)| lost.since.is_none());
        emptied.map(|&(part, _)| part).collect()
    }

    /// The parts that lost their last writes, and since when.
    pub(super) fn behind(&self) -> Option<(BTreeSet<usize>, Millis)> {
        let behind = || self.0.iter().filter_map(|&(part, lost)| Some((part, lost.since?)));
        let since = behind().map(|(_, since)| since).min()?;
        Some((behind().map(|(part, _)| part).collect(), since))
    }
}

impl Part {
    const UNKNOWN: Self = Self { believed: Believed::Unknown, holder: None, lost: None };

    /// An exchange was answered. True if nothing was lost, and so the new mark is there.
    fn answered(&mut self, exchange: &Exchange, Found { mark, holder }: Found) -> bool {
        let is_new = self.holder.replace(Arc::clone(&holder)).is_some_and(|held| held != holder);
        let found = mark.map_or(Believed::Absent, Believed::Mark);
        let exchanged = found == exchange.believed;
        // A mark newer than the one believed in is our own, the answer to which was lost.
        let is_ours = match (exchange.believed, found) {
            (Believed::Absent, Believed::Mark(_)) => true,
            (Believed::Mark(believed), Believed::Mark(found)) => found.at > believed.at,
            _ => false,
        };
        self.believed = if exchanged { Believed::Mark(exchange.new) } else { found };
        // A new holder has the mark, but maybe not what came after it.
        if is_new || !(exchanged || is_ours) {
            self.lose(mark.and_then(|mark| mark.sure));
        }
        exchanged && !is_new
    }

    fn lose(&mut self, since: Option<Millis>) {
        let before = self.lost.take();
        self.lost = Some(Lost {
            since: before.map_or(since, |before| before.since.min(since)),
            number: before.map_or(0, |before| before.number + 1),
            taken: false,
        });
    }

    /// What a new mark may say.
    fn mark(&self, at: Millis, sure: Option<Millis>) -> Mark {
        let at = match self.believed {
            // Of one part, marks get later whatever the clock does.
            Believed::Mark(before) => at.max(Millis(before.at.0 + 1)),
            Believed::Unknown | Believed::Absent => at,
        };
        Mark { at, sure: self.lost.map_or(sure, |lost| lost.since.min(sure)) }
    }
}

impl Watch {
    pub(super) fn new(marks: Arc<dyn Marks>) -> Self {
        let parts = Mutex::new(vec![Part::UNKNOWN; marks.parts()]);
        Self { marks, parts }
    }

    /// Forgets what others may have changed meanwhile.
    pub(super) fn forget(&self) {
        self.parts.lock().fill(Part::UNKNOWN);
    }

    /// Looks at every mark and writes a new one, which says that everything was told that reached
    /// the log before `sure`, unless the part is known to lack some of it.
    ///
    /// # Errors
    /// The first of those parts that could not be asked; the others were.
    pub(super) async fn beat(&self, now: Millis, sure: Option<Millis>) -> Result<(), PortError> {
        let all: Vec<usize> = (0..self.marks.parts()).collect();
        let (differ, failed) = self.exchange(&all, now, sure).await;
        // What was found is believed now, and gets a mark that tells of a loss.
        let (_, failed_again) = self.exchange(&differ, now, sure).await;
        failed.or(failed_again).map_or(Ok(()), Err)
    }

    /// The parts that did not simply take the new mark, and the first failure.
    async fn exchange(
        &self,
        parts: &[usize],
        now: Millis,
        sure: Option<Millis>,
    ) -> (Vec<usize>, Option<PortError>) {
        let exchanges: Vec<_> = {
            let known = self.parts.lock();
            let exchange = |&part: &usize| Exchange {
                part,
                believed: known[part].believed,
                new: known[part].mark(now, sure),
            };
            parts.iter().map(exchange).collect()
        };
        let answers = self.marks.exchange(&exchanges).await;
        let (mut differ, mut failed) = (Vec::new(), None);
        let mut known = self.parts.lock();
        for (exchange, answer) in exchanges.into_iter().zip(answers) {
            let part = &mut known[exchange.part];
            match answer {
                Ok(found) => {
                    if !part.answered(&exchange, found) {
                        differ.push(exchange.part);
                    }
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        (differ, failed)
    }

    /// How many parts lack something.
    pub(super) fn lost(&self) -> usize {
        self.parts.lock().iter().filter(|part| part.lost.is_some()).count()
    }

    /// What is lost and nobody has taken yet. Who takes it makes up for it.
    pub(super) fn take(&self) -> Losses {
        let mut parts = self.parts.lock();
        let lost = parts.iter_mut().enumerate().filter_map(|(place, part)| {
            let lost = part.lost.as_mut().filter(|lost| !lost.taken)?;
            lost.taken = true;
            Some((place, *lost))
        });
        Losses(lost.collect())
    }

    /// These losses were told again; a part that lost more meanwhile still lacks it.
    pub(super) fn made_up(&self, losses: &Losses) {
        let mut parts = self.parts.lock();
        for &(place, lost) in &losses.0 {
            let part = &mut parts[place];
            part.lost = part.lost.filter(|now| now.number != lost.number);
        }
    }
}
