//! `kudosctl explain POST`: every copy of a post's counts side by side, and its places in the orders.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use kudos_cassandra::RollupRow;
use kudos_core::ports::{Facts, LiveCounts, Mirror, Said, Snapshots, Standing};
use kudos_core::{
    Clock, Counts, Kinds, Millis, PortError, PostId, PostState, Snapshot, SystemClock,
};
use kudos_http::timestamp::Timestamp;
use kudos_redis::RedisRanks;
use kudos_runtime::start::BoxError;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::copies::Copies;
use crate::settings::Settings;

/// How deep in the popular order the post is looked for.
const RANKS: usize = 1_000;

/// Whether the copies say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All that answered are equal.
    Equal,
    /// Some differ, or cannot be asked.
    Different,
}

/// Every copy.
#[derive(Debug, Serialize)]
struct Explanation {
    post: PostId,
    title: Option<String>,
    hidden: bool,
    equal: bool,
    copies: Vec<Copy>,
    /// Where the orders of Redis list it, or should.
    orders: Vec<Place>,
    /// Why they cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    orders_problem: Option<String>,
    /// The place in the popular order of Redis, from 1; none beyond the first 1,000.
    rank: Option<usize>,
}

/// What one of them says.
#[derive(Debug, Default, Serialize)]
struct Copy {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Vec<(String, u64)>>,
    total: Option<u64>,
    version: Option<u64>,
    /// When the change was committed that made these counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<String>,
    /// How long ago that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    /// Why it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// One order.
#[derive(Debug, PartialEq, Serialize)]
struct Place {
    order: String,
    /// The score that it should have; none if the post should not be there.
    truth: Option<Said>,
    /// The score that it has; none if it is not there.
    found: Option<Said>,
}

/// Asks every copy, and prints what they say.
pub(crate) async fn run(
    settings: &Settings,
    post: &PostId,
    json: bool,
) -> Result<Verdict, BoxError> {
    let explanation = explain(settings, post).await?;
    let text = match json {
        true => serde_json::to_string_pretty(&explanation)?,
        false => text(&explanation, &settings.kinds),
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(if explanation.equal { Verdict::Equal } else { Verdict::Different })
}

async fn explain(settings: &Settings, post: &PostId) -> Result<Explanation, BoxError> {
    let kinds = settings.kinds.clone();
    let Copies { truth, live, index } =
        Copies::connect(settings, &CancellationToken::new()).await?;
    let ranks = RedisRanks(live.clone());
    let posts = std::slice::from_ref(post);
    let (recount, snapshots, rollup, states, top, copies) = futures::join!(
        truth.store.recount(post),
        truth.store.snapshots(posts),
        truth.rollup.read(post),
        live.states(posts),
        live.top(None, RANKS),
        index.copies(posts),
    );
    let Some(snapshot) = snapshots?.pop().flatten() else {
        return Err(format!("the post {post} is not known").into());
    };
    let (orders, orders_problem) = match orders(&ranks, &snapshot).await {
        Ok(orders) => (orders, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let first = |states: Vec<Option<PostState>>| states.into_iter().next().flatten().map(state_of);
    let hits = copies.map(|copies| copies.into_iter().next().flatten());
    // Its version is the whole snapshot's: text and visibility count too.
    let stored = hits.map(|hit| hit.map(|hit| Told { total: Some(hit.total), ..Told::default() }));
    let rows = recount.map(|counts| Some(Told { counts: Some(counts), ..Told::default() }));
    let copies = vec![
        Copy::of("rows", rows, &kinds),
        Copy::of("truth", Ok(Some(state_of(snapshot.state))), &kinds),
        Copy::of("rollup", rollup.map(|row| row.map(row_of)), &kinds),
        Copy::of("redis", states.map(first), &kinds),
        Copy::of("elastic", stored, &kinds),
    ];
    let rank = top.ok().and_then(|top| top.iter().position(|entry| entry.post == *post));
    let in_order = orders_problem.is_none() && orders.iter().all(Place::is_right);
    Ok(Explanation {
        post: post.clone(),
        title: Some(snapshot.post.title).filter(|title| !title.is_empty()),
        hidden: snapshot.hidden,
        equal: agree(&copies, snapshot.hidden) && in_order,
        copies,
        orders,
        orders_problem,
        rank: rank.map(|rank| rank + 1),
    })
}

/// Where the orders should list a post, and where they do.
async fn orders(ranks: &RedisRanks, truth: &Snapshot) -> Result<Vec<Place>, PortError> {
    let held = ranks.held(std::slice::from_ref(truth)).await?.pop().unwrap_or_default();
    let anywhere = ranks.places(&truth.post.id).await?;
    Ok(places(&ranks.expected(truth), &held, anywhere))
}

fn places(expected: &Facts, held: &Facts, anywhere: Vec<Standing>) -> Vec<Place> {
    let known: Vec<_> = expected.iter().chain(held.iter()).map(|(name, _)| name).collect();
    let others = anywhere.iter().map(|standing| standing.place.as_str());
    let others = others.filter(|place| !known.contains(place));
    let mut seen = BTreeSet::new();
    let names = known.iter().copied().chain(others).filter(|name| seen.insert(*name));
    let found = |name: &str| {
        let there = anywhere.iter().any(|standing| standing.place == name);
        held.get(name).or(there.then_some(Said::Flag(true)))
    };
    let place = |name: &str| Place {
        order: name.to_owned(),
        truth: expected.get(name),
        found: found(name),
    };
    names.map(place).collect()
}

impl Place {
    fn is_right(&self) -> bool {
        self.truth == self.found
    }
}

/// What a copy says.
#[derive(Default)]
struct Told {
    counts: Option<Counts>,
    total: Option<u64>,
    version: Option<u64>,
    as_of: Option<Millis>,
}

fn state_of(state: PostState) -> Told {
    let PostState { counts, version, as_of, .. } = state;
    Told { counts: Some(counts), total: None, version: Some(version.0), as_of: Some(as_of) }
}

fn row_of(row: RollupRow) -> Told {
    let RollupRow { total, counts, version, as_of } = row;
    let (counts, total, version) = (Some(counts), Some(total), Some(version.0));
    Told { counts, total, version, as_of: Some(as_of) }
}

impl Copy {
    fn of(name: &'static str, told: Result<Option<Told>, PortError>, kinds: &Kinds) -> Self {
        match told {
            Ok(Some(Told { counts, total, version, as_of })) => {
                let named = |counts: &Counts| {
                    let each = kinds.all().map(|k| (kinds.name(k).to_owned(), counts.get(k)));
                    each.collect()
                };
                let age = |at: Millis| SystemClock.now().0.saturating_sub(at.0) / 1000;
                Self {
                    name,
                    counts: counts.as_ref().map(named),
                    total: total.or(counts.as_ref().map(Counts::total)),
                    version,
                    as_of: as_of.map(|at| Timestamp(at).to_string()),
                    age_seconds: as_of.map(age),
                    problem: None,
                }
            }
            Ok(None) => Self { name, problem: Some("holds nothing".to_owned()), ..Self::default() },
            Err(error) => Self { name, problem: Some(error.to_string()), ..Self::default() },
        }
    }
}

/// Copies that hold nothing differ, but for the rollup of a hidden post, which has no row.
fn agree(copies: &[Copy], hidden: bool) -> bool {
    let mut said = copies.iter().filter(|copy| !(hidden && copy.name == "rollup"));
    let Some(first) = said.next() else { return true };
    said.all(|copy| {
        let counts = copy.counts.is_none() || copy.counts == first.counts;
        copy.problem.is_none() && counts && copy.total == first.total
    })
}

fn text(explanation: &Explanation, kinds: &Kinds) -> String {
    let Explanation { post, title, hidden, equal, copies, orders, orders_problem, rank } =
        explanation;
    let hidden = if *hidden { " (hidden)" } else { "" };
    let title = title.as_deref().unwrap_or("no text stored");
    let mut text = format!("{post}: {title}{hidden}\n{:8}", "");
    for name in kinds.names().chain(["total", "version"]) {
        // Writing into a string does not fail, here and below.
        let _ = write!(text, "{name:>9}");
    }
    text.push_str("  as of");
    for copy in copies {
        line(&mut text, copy, kinds);
    }
    orders.iter().for_each(|place| order(&mut text, place));
    if let Some(problem) = orders_problem {
        let _ = write!(text, "\nthe orders cannot be asked: {problem}");
    }
    let _ = match rank {
        Some(rank) => write!(text, "\nplace {rank} in the popular order"),
        None => write!(text, "\nnot among the first {RANKS} in the popular order"),
    };
    text.push_str(if *equal { "\nall copies are equal" } else { "\nTHE COPIES DIFFER" });
    text
}

fn line(text: &mut String, copy: &Copy, kinds: &Kinds) {
    let Copy { name, counts, total, version, as_of, age_seconds, problem } = copy;
    let _ = write!(text, "\n{name:8}");
    if let Some(problem) = problem {
        let _ = write!(text, " {problem}");
        return;
    }
    let each: Vec<_> = match counts {
        Some(counts) => counts.iter().map(|(_, count)| Some(*count)).collect(),
        None => kinds.names().map(|_| None).collect(),
    };
    for number in each.into_iter().chain([*total, *version]) {
        let number = number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let _ = write!(text, "{number:>9}");
    }
    if let (Some(as_of), Some(age)) = (as_of, age_seconds) {
        let age = humantime::format_duration(Duration::from_secs(*age));
        let _ = write!(text, "  {as_of}, {age} ago");
    }
}

fn order(text: &mut String, place: &Place) {
    let Place { order, truth, found } = place;
    let _ = match (truth, found) {
        (Some(truth), Some(found)) if truth == found => write!(text, "\n{order}: {found}"),
        (Some(truth), Some(found)) => write!(text, "\n{order}: {found}, NOT {truth}"),
        (Some(truth), None) => write!(text, "\n{order}: NOT THERE, should be {truth}"),
        (None, _) => write!(text, "\n{order}: SHOULD NOT BE THERE"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_shown_as_they_are_and_as_they_should_be() {
        let expected = Facts::new()
            .with("popular", Said::Score(3.5))
            .with("times", Said::Number(7))
            .with("hour", Said::Score(3.5));
        let held = Facts::new().with("popular", Said::Score(3.5)).with("times", Said::Number(9));
        let standing =
            |place: &str| Standing { post: PostId::new("p").unwrap(), place: place.to_owned() };
        let anywhere = ["popular", "times", "yesterday"].map(standing).into();
        let mut text = String::new();
        for place in places(&expected, &held, anywhere) {
            order(&mut text, &place);
        }
        let shown = [
            "\npopular: 3.5",
            "\ntimes: 9, NOT 7",
            "\nhour: NOT THERE, should be 3.5",
            "\nyesterday: SHOULD NOT BE THERE",
        ];
        assert_eq!(text, shown.concat());
    }

    #[test]
    fn a_copy_is_shown_with_its_version_and_its_age() {
        let kinds = Kinds::new(["up", "down"]).unwrap();
        let mut text = String::new();
        let copy = Copy {
            name: "redis",
            counts: Some(vec![("up".to_owned(), 3), ("down".to_owned(), 0)]),
            total: Some(3),
            version: Some(5),
            as_of: Some("2026-01-01T00:00:00Z".to_owned()),
            age_seconds: Some(90),
            problem: None,
        };
        line(&mut text, &copy, &kinds);
        let words: Vec<_> = text.split_whitespace().collect();
        let expected = ["redis", "3", "0", "3", "5", "2026-01-01T00:00:00Z,", "1m", "30s", "ago"];
        assert_eq!(words, expected);
    }
}
