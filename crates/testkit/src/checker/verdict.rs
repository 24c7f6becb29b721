use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kudos_core::{Counts, Kind, PortError, PostId, RankEntry, UserId, Version};
use tokio::time::{Instant, sleep};

use super::ledger::Ledger;
use super::readers::{Reader, Seen};

/// The most differences that a verdict lists.
const LISTED: usize = 50;
/// Posts whose counts are read at a time.
const PAGE: usize = 100;
/// How long lies between two looks while EXACT is awaited.
const LOOK: Duration = Duration::from_millis(100);

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The copy in which it was found.
    pub copy: String,
    /// The post.
    pub post: PostId,
    /// What of it.
    pub what: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { copy, post, what, expected, found } = self;
        write!(f, "{copy}: {post}: {what}: expected {expected}, found {found}")
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The first differences, a bounded number.
    pub differences: Vec<Difference>,
    /// How many there are in all.
    pub found: usize,
}

impl Verdict {
    /// Whether every copy holds exactly what was acknowledged.
    pub fn is_exact(&self) -> bool {
        self.found == 0
    }

    /// Whether something is wrong in that copy.
    pub fn blames(&self, copy: &str) -> bool {
        self.differences.iter().any(|difference| difference.copy == copy)
    }

    fn add(&mut self, difference: Difference) {
        self.found += 1;
        if self.differences.len() < LISTED {
            self.differences.push(difference);
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_exact() {
            return f.write_str("EXACT");
        }
        write!(f, "{} differences", self.found)?;
        self.differences.iter().try_for_each(|difference| write!(f, "\n  {difference}"))
    }
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
        let begun = Instant::now();
        loop {
            let checked = self.check(ledger).await;
            let exact = checked.as_ref().is_ok_and(Verdict::is_exact);
            if exact || begun.elapsed() >= limit {
                return checked;
            }
            sleep(LOOK).await;
        }
    }

    /// Compares every copy with what was acknowledged.
    ///
    /// # Errors
    /// Those of a copy.
    pub async fn check(&self, ledger: &Ledger) -> Result<Verdict, PortError> {
        let mut verdict = Verdict::default();
        ledger.wrong_answers().iter().cloned().for_each(|wrong| verdict.add(wrong));
        let expected = self.rows(ledger, &mut verdict).await?;
        let posts: Vec<PostId> = ledger.posts().keys().cloned().collect();
        for page in posts.chunks(PAGE) {
            self.counts(page, &expected, &mut verdict).await?;
        }
        self.tops(ledger, &expected, &mut verdict).await?;
        Ok(verdict)
    }

    /// Checks the rows, and tells the counts that follow from them.
    async fn rows(
        &self,
        ledger: &Ledger,
        verdict: &mut Verdict,
    ) -> Result<BTreeMap<PostId, Counts>, PortError> {
        let mut expected = BTreeMap::new();
        for post in ledger.posts().keys() {
            let mut decided: Option<BTreeMap<UserId, Kind>> = None;
            for (copy, reader) in &self.copies {
                let Some(found) = reader.rows(post).await? else { continue };
                let rows = decided.get_or_insert_with(|| decide(ledger, post, &found));
                compare_rows(copy, post, rows, &found, verdict);
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
        verdict: &mut Verdict,
    ) -> Result<(), PortError> {
        let mut versions: BTreeMap<&PostId, Version> = BTreeMap::new();
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
                    versions.entry(post).or_insert(version);
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

/// The rows that a post must have: of an open operation's two states the one that was found.
fn decide(
    ledger: &Ledger,
    post: &PostId,
    found: &BTreeMap<UserId, Kind>,
) -> BTreeMap<UserId, Kind> {
    let rows = ledger.rows(post).into_iter().flatten();
    rows.filter_map(|(user, row)| {
        let there = found.get(user).copied();
        let applied = row.open.as_ref().is_some_and(|open| open.want == there);
        let kind = if applied { there } else { row.held };
        kind.map(|kind| (user.clone(), kind))
    })
    .collect()
}

fn compare_rows(
    copy: &str,
    post: &PostId,
    must: &BTreeMap<UserId, Kind>,
    found: &BTreeMap<UserId, Kind>,
    verdict: &mut Verdict,
) {
    let strangers = found.keys().filter(|user| !must.contains_key(*user));
    for user in must.keys().chain(strangers) {
        let (must, found) = (must.get(user), found.get(user));
        if must != found {
            let (copy, post, what) = (copy.to_owned(), post.clone(), user.to_string());
            let (expected, found) = (format!("{must:?}"), format!("{found:?}"));
            verdict.add(Difference { copy, post, what, expected, found });
        }
    }
}

/// What is wrong with what a copy says: what, what it must be, what it is.
fn compare_counts(
    must: &Counts,
    version: Option<Version>,
    seen: Option<&Seen>,
) -> Option<(&'static str, String, String)> {
    let Some(seen) = seen else {
        return Some(("counts", format!("{:?}", must.as_slice()), "nothing".into()));
    };
    if !seen.fresh {
        return Some(("freshness", "an answer that is up to date".into(), format!("{seen:?}")));
    }
    let counts = seen.counts.as_ref().is_none_or(|counts| counts == must);
    if !counts || seen.total != must.total() {
        return Some(("counts", format!("{:?}", must.as_slice()), format!("{seen:?}")));
    }
    let (must, found) = (version?, seen.version?);
    (must != found).then(|| ("version", format!("{must:?}"), format!("{found:?}")))
}

fn count<'a>(kinds: impl Iterator<Item = &'a Kind>) -> Counts {
    let mut counts = Counts::new();
    for &kind in kinds {
        counts.set(kind, counts.get(kind) + 1);
    }
    counts
}
