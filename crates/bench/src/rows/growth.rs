//! How the cost of a like grows with what is stored already.

use std::time::{Duration, Instant};

use super::Effort;
use super::filled::{Filled, LIKES};
use crate::embedded::Likers;
use crate::error::Error;
use crate::likes::Likes;
use crate::pairs::{Spread, grouped};
use crate::report::{Row, progress};
use crate::usage;

const TURN: u64 = 100_000;
/// Likes that are timed together. A post that has fewer reactions than that shares them with
/// others like it, so that none more than doubles.
const WINDOW: u64 = 10_000;
/// How long work in the background may go on before it is measured all the same.
const QUIET: Duration = Duration::from_secs(10);

/// Processor time of a like on stores with more and more posts, which take turns.
pub(crate) fn by_posts(effort: &Effort, filled: Filled) -> Result<Row, Error> {
    let (folder, turn) = (effort.folder()?, effort.likes(TURN));
    let mut stores = Vec::new();
    for &posts in effort.sizes() {
        progress(format_args!("growth: a store of {posts} posts"));
        let likers = Likers::open(&folder.path().join(posts.to_string()))?;
        likers.store_posts(posts)?;
        stores.push((posts, likers, Vec::new()));
    }
    stores.push((filled.posts, Likers::open(filled.folder.path())?, Vec::new()));
    for pair in 0..=effort.pairs() {
        for (posts, likers, costs) in &mut stores {
            let cost = cost(likers, Likes::over(*posts), LIKES + pair * turn, turn)?;
            // The first turn finds every post without a reaction in memory.
            if pair > 0 {
                costs.push(cost);
            }
        }
    }
    let points: Vec<_> = stores.into_iter().map(|(posts, _, costs)| (posts, costs)).collect();
    Ok(row("CPU of a like as posts grow", "posts", &points, (1.15, "≤ 1.15")))
}

/// Processor time of the next like on a post that has more and more.
pub(crate) fn by_reactions(effort: &Effort) -> Result<Row, Error> {
    let sizes: &[u64] = match effort.quick {
        true => &[1_000, 10_000, 100_000],
        false => &[1_000, 10_000, 100_000, 1_000_000],
    };
    let folder = effort.folder()?;
    let mut hot = Hot { likers: Likers::open(folder.path())?, posts: 0, likes: 0 };
    // A post that a window hardly changes serves all of them.
    let mut large = Vec::new();
    for &size in sizes {
        large.push(if size > WINDOW { vec![hot.post_with(size)?] } else { Vec::new() });
    }
    let mut points: Vec<_> = sizes.iter().map(|&size| (size, Vec::new())).collect();
    for _ in 0..=2 * effort.pairs() {
        for ((size, costs), large) in points.iter_mut().zip(&large) {
            let posts = match large.is_empty() {
                true => {
                    (0..WINDOW / *size).map(|_| hot.post_with(*size)).collect::<Result<_, _>>()?
                }
                false => large.clone(),
            };
            costs.push(hot.cost_on(&posts)?);
        }
    }
    Ok(row("CPU of the next like on one post", "reactions", &points, (1.1, "≤ 1.1")))
}

/// Posts with many reactions, each like of another user.
struct Hot {
    likers: Likers,
    /// How many posts there are.
    posts: u64,
    /// How many likes were sent.
    likes: u64,
}

impl Hot {
    /// The number of a new post with that many reactions.
    fn post_with(&mut self, reactions: u64) -> Result<u64, Error> {
        self.posts += 1;
        self.likes += reactions;
        self.likers.send(Likes::on(self.posts), self.likes - reactions, reactions)?;
        Ok(self.posts)
    }

    /// Microseconds of processor time by like, of a window shared by `posts`, one after the other.
    fn cost_on(&mut self, posts: &[u64]) -> Result<f64, Error> {
        let share = WINDOW / posts.len() as u64;
        let mut costs = 0.0;
        for &post in posts {
            costs += cost(&self.likers, Likes::on(post), self.likes, share)?;
            self.likes += share;
        }
        Ok(costs / posts.len() as f64)
    }
}

/// Microseconds of processor time by like, with what it leaves to do in the background.
fn cost(likers: &Likers, likes: Likes, first: u64, count: u64) -> Result<f64, Error> {
    wait_until_quiet();
    let before = usage::cpu_time();
    likers.send(likes, first, count)?;
    wait_until_quiet();
    Ok((usage::cpu_time() - before).as_secs_f64() * 1e6 / count as f64)
}

/// Waits for the engine's flushes and merges, and whatever else likes leave behind.
fn wait_until_quiet() {
    const STEP: Duration = Duration::from_millis(10);
    let begun = Instant::now();
    while begun.elapsed() < QUIET {
        let before = usage::cpu_time();
        std::thread::sleep(STEP);
        if usage::cpu_time() - before < STEP / 20 {
            break;
        }
    }
}

fn row(
    name: &'static str,
    of: &str,
    points: &[(u64, Vec<f64>)],
    target: (f64, &'static str),
) -> Row {
    let line = |(size, costs): &(u64, Vec<f64>)| {
        let cost = Spread::of(costs);
        progress(format_args!("{name}: {cost} µs at {size} {of}"));
        format!("{:.1} µs at {}", cost.median, grouped(*size as f64))
    };
    let lines: Vec<_> = points.iter().map(line).collect();
    let (first, rest) = lines.split_first().map_or(("", &[][..]), |(f, r)| (f.as_str(), r));
    let ratios: Vec<_> = match (points.first(), points.last()) {
        (Some((_, small)), Some((_, large))) => {
            large.iter().zip(small).map(|(large, small)| large / small).collect()
        }
        _ => Vec::new(),
    };
    let exponent = exponent(points);
    Row::at_most(
        name,
        (
            format!("{} {of}; cost = a·n^b with b = {exponent:.3}", rest.join(", ")),
            format!("{first} {of}"),
        ),
        (Spread::of(&ratios), ""),
        target,
    )
}

/// The exponent b of cost = a·n^b: the slope of a least-squares line through the logarithms.
fn exponent(points: &[(u64, Vec<f64>)]) -> f64 {
    let logs: Vec<_> = points
        .iter()
        .map(|(size, costs)| ((*size as f64).ln(), Spread::of(costs).median.ln()))
        .collect();
    let count = logs.len() as f64;
    let (mean_x, mean_y) =
        logs.iter().fold((0.0, 0.0), |(x, y), log| (x + log.0 / count, y + log.1 / count));
    let over: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let under: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    over / under
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_of_a_power_law_is_found() {
        let root = |size: u64| (size, vec![3.0 * (size as f64).sqrt()]);
        assert!((exponent(&[root(10), root(1_000), root(5_000)]) - 0.5).abs() < 1e-9);
    }
}
