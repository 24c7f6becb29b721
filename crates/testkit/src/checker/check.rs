use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kudos_core::{Counts, Kind, PortError, PostId, RankEntry, UserId, Version};
use tokio::time::{Instant, sleep};

use super::compare::{compare_counts, compare_rows, count, decide, lost};
use super::ledger::Ledger;
use super::linear::{Found, judge};
use super::readers::Reader;
use super::verdict::{Difference, Verdict};

/// Posts whose counts are read at a time.
const PAGE: usize = 100;
/// How long lies between two looks while EXACT is awaited.
const LOOK: Duration = Duration::from_millis(100);

/// When every copy was exact, or was not yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converged {
    /// What was found at the end.
    pub verdict: Verdict,
    /// How long it took until then.
    pub took: Duration,
}

/// Every copy that has to agree. The first that has rows and the first that has versions decide
/// what is open: which of two states an operation that nobody answered has left, and the versions.
#[derive(Default)]
pub struct Checker {
    copies: Vec<(String, Arc<dyn Reader>)>,
}

impl Checker {
    /// Without any copy.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a copy; the truth comes first.
    #[must_use]
    pub fn copy(mut self, name: &str, reader: impl Reader + 'static) -> Self {
        self.copies.push((name.into(), Arc::new(reader)));
        self
    }

    /// Looks until every copy is exact, for at most `limit`; the last verdict.
    ///
    /// # Errors
    /// Those of a copy that still fails at the end.
    pub async fn exact_within(
        &self,
        limit: Duration,
        ledger: &Ledger,
    ) -> Result<Verdict, PortError> {
        self.converge(limit, ledger).await.map(|converged| converged.verdict)
    }

    /// The same, and how long it took.
    ///
    /// # Errors
    /// Those of a copy that still fails at the end.
    pub async fn converge(&self, limit: Duration, ledger: &Ledger) -> Result<Converged, PortError> {
        let begun = Instant::now();
        loop {
            let compared = self.compare(ledger).await;
            let exact = compared.as_ref().is_ok_and(|(verdict, _)| verdict.is_exact());
            let took = begun.elapsed();
            if exact || took >= limit {
                // The history is judged once: it does not change while copies converge.
                let verdict = with_history(ledger, compared?);
                return Ok(Converged { verdict, took });
            }
            sleep(LOOK).await;
        }
    }

    /// Compares every copy with what was acknowledged, and judges the history.
    ///
    /// # Errors
    /// Those of a copy.
    pub async fn check(&self, ledger: &Ledger) -> Result<Verdict, PortError> {
        Ok(with_history(ledger, self.compare(ledger).await?))
    }

    async fn compare(&self, ledger: &Ledger) -> Result<(Verdict, Found), PortError> {
        let (mut verdict, mut truth) = (Verdict::default(), Found::default());
        ledger.wrong_answers().iter().cloned().for_each(|wrong| verdict.add(wrong));
        let expected = self.rows(ledger, &mut truth, &mut verdict).await?;
        let posts: Vec<PostId> = ledger.posts().keys().cloned().collect();
        for page in posts.chunks(PAGE) {
            self.counts(page, &expected, &mut truth.versions, &mut verdict).await?;
        }
        self.tops(ledger, &expected, &mut verdict).await?;
        Ok((verdict, truth))
    }

    /// Checks the rows, and tells the counts that follow from them.
    async fn rows(
        &self,
        ledger: &Ledger,
        truth: &mut Found,
        verdict: &mut Verdict,
    ) -> Result<BTreeMap<PostId, Counts>, PortError> {
        let mut expected = BTreeMap::new();
        for post in ledger.posts().keys() {
            let mut decided: Option<BTreeMap<UserId, Kind>> = None;
            for (copy, reader) in &self.copies {
                let Some(found) = reader.rows(post).await? else { continue };
                let first = decided.is_none();
                let rows = decided.get_or_insert_with(|| decide(ledger, post, &found));
                compare_rows(copy, post, rows, &found, verdict);
                if first {
                    lost(ledger, post, rows, &found).for_each(|key| verdict.lost(Some(key)));
                    truth.rows.insert(post.clone(), found);
                }
            }
            let rows = decided.unwrap_or_else(|| decide(ledger, post, &BTreeMap::new()));
            expected.insert(post.clone(), count(rows.values()));
        }
        Ok(expected)
    }

    async fn counts(
        &self,
        posts: &[PostId],
        expected: &BTreeMap<PostId, Counts>,
        versions: &mut BTreeMap<PostId, Version>,
        verdict: &mut Verdict,
    ) -> Result<(), PortError> {
        for (copy, reader) in &self.copies {
            let Some(seen) = reader.counts(posts).await? else { continue };
            let none = Counts::new();
            for (post, seen) in posts.iter().zip(seen) {
                let must = expected.get(post).unwrap_or(&none);
                let version = versions.get(post).copied();
                if let Some((what, must, found)) = compare_counts(must, version, seen.as_ref()) {
                    let (copy, post, what) = (copy.clone(), post.clone(), what.to_owned());
                    verdict.add(Difference { copy, post, what, expected: must, found });
                }
                if let Some(version) = seen.and_then(|seen| seen.version) {
                    versions.entry(post.clone()).or_insert(version);
                }
            }
        }
        Ok(())
    }

    async fn tops(
        &self,
        ledger: &Ledger,
        expected: &BTreeMap<PostId, Counts>,
        verdict: &mut Verdict,
    ) -> Result<(), PortError> {
        let entry = |(post, created_at): (&PostId, &kudos_core::Millis)| RankEntry {
            post: post.clone(),
            total: expected.get(post).map_or(0, Counts::total),
            created_at: *created_at,
        };
        let mut order: Vec<_> = ledger.posts().iter().map(entry).collect();
        order.sort();
        for (copy, reader) in &self.copies {
            let Some(mut found) = reader.top(order.len()).await? else { continue };
            let all = found.len();
            found.retain(|entry| ledger.posts().contains_key(&entry.post));
            let strangers = all - found.len();
            let must = &order[..order.len().saturating_sub(strangers)];
            let places = must.iter().zip(&found);
            let wrong = places.enumerate().find(|(_, (must, found))| must != found);
            if let Some((place, (must, found))) = wrong {
                let (copy, post) = (copy.clone(), must.post.clone());
                let what = format!("place {place} in the popular order");
                let (expected, found) = (format!("{must:?}"), format!("{found:?}"));
                verdict.add(Difference { copy, post, what, expected, found });
            } else if found.len() < must.len() {
                let (copy, post) = (copy.clone(), must[found.len()].post.clone());
                let what = "the length of the popular order".to_owned();
                let (expected, found) = (must.len().to_string(), found.len().to_string());
                verdict.add(Difference { copy, post, what, expected, found });
            }
        }
        Ok(())
    }
}

fn with_history(ledger: &Ledger, (mut verdict, truth): (Verdict, Found)) -> Verdict {
    judge(ledger.recording(), &truth, ledger.believes_versions(), &mut verdict);
    verdict
}
