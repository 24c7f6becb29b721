//! `kudosctl explain POST`: every copy of a post's counts side by side.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use kudos_cassandra::{Cassandra, RollupRow};
use kudos_core::ports::{LiveCounts, Snapshots};
use kudos_core::{Counts, Kinds, PortError, PostId, PostState, SystemClock};
use kudos_elastic::Elastic;
use kudos_redis::RedisLive;
use kudos_runtime::start::BoxError;
use serde::Serialize;

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
    /// Why it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
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
    let (kinds, clock) = (settings.kinds.clone(), Arc::new(SystemClock));
    let truth = Cassandra::connect(&settings.cassandra, kinds.clone(), clock).await?;
    let live = RedisLive::new(settings.redis.clone(), Arc::new(kinds.clone()), Arc::new(()))?;
    let index = Elastic::new(&settings.elastic, kinds.clone(), Arc::new(()))?;
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
    let state = |state: PostState| (Some(state.counts), None, Some(state.version.0));
    let first = |states: Vec<Option<PostState>>| states.into_iter().next().flatten().map(state);
    let hits = copies.map(|copies| copies.into_iter().next().flatten());
    // Its version is the whole snapshot's: text and visibility count too.
    let stored = hits.map(|hit| hit.map(|hit| (None, Some(hit.total), None)));
    let copies = vec![
        Copy::of("rows", recount.map(|counts| Some((Some(counts), None, None))), &kinds),
        Copy::of("truth", Ok(Some(state(snapshot.state))), &kinds),
        Copy::of("rollup", rollup.map(|row| row.map(row_of)), &kinds),
        Copy::of("redis", states.map(first), &kinds),
        Copy::of("elastic", stored, &kinds),
    ];
    let rank = top.ok().and_then(|top| top.iter().position(|entry| entry.post == *post));
    Ok(Explanation {
        post: post.clone(),
        title: Some(snapshot.post.title).filter(|title| !title.is_empty()),
        hidden: snapshot.hidden,
        equal: agree(&copies, snapshot.hidden),
        copies,
        rank: rank.map(|rank| rank + 1),
    })
}

/// What a copy says: counts by kind, all together, version.
type Said = (Option<Counts>, Option<u64>, Option<u64>);

fn row_of(row: RollupRow) -> Said {
    (Some(row.counts), Some(row.total), Some(row.version.0))
}

impl Copy {
    fn of(name: &'static str, said: Result<Option<Said>, PortError>, kinds: &Kinds) -> Self {
        match said {
            Ok(Some((counts, total, version))) => {
                let named = |counts: &Counts| {
                    let each = kinds.all().map(|k| (kinds.name(k).to_owned(), counts.get(k)));
                    each.collect()
                };
                let total = total.or(counts.as_ref().map(Counts::total));
                Self { name, counts: counts.as_ref().map(named), total, version, problem: None }
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
    let Explanation { post, title, hidden, equal, copies, rank } = explanation;
    let hidden = if *hidden { " (hidden)" } else { "" };
    let title = title.as_deref().unwrap_or("no text stored");
    let mut text = format!("{post}: {title}{hidden}\n{:8}", "");
    for name in kinds.names().chain(["total", "version"]) {
        // Writing into a string does not fail, here and below.
        let _ = write!(text, "{name:>9}");
    }
    for Copy { name, counts, total, version, problem } in copies {
        let _ = write!(text, "\n{name:8}");
        if let Some(problem) = problem {
            let _ = write!(text, " {problem}");
            continue;
        }
        let each: Vec<_> = match counts {
            Some(counts) => counts.iter().map(|(_, count)| Some(*count)).collect(),
            None => kinds.names().map(|_| None).collect(),
        };
        for number in each.into_iter().chain([*total, *version]) {
            let number = number.map_or_else(|| "-".to_owned(), |number| number.to_string());
            let _ = write!(text, "{number:>9}");
        }
    }
    let _ = match rank {
        Some(rank) => write!(text, "\nplace {rank} in the popular order"),
        None => write!(text, "\nnot among the first {RANKS} in the popular order"),
    };
    text.push_str(if *equal { "\nall counts are equal" } else { "\nTHE COUNTS DIFFER" });
    text
}
