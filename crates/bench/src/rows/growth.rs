//! How the cost of a like grows with what is stored already.

use super::Effort;
use crate::embedded::Likers;
use crate::error::Error;
use crate::likes::Likes;
use crate::pairs::{Spread, grouped};
use crate::report::{Row, progress};
use crate::usage;

const TURN: u64 = 50_000;
/// Likes that are timed on one post.
const WINDOW: u64 = 1_000;
const WINDOWS: u64 = 15;
/// Reactions that one post has before the timed ones.
const BEFORE: [u64; 3] = [1_000, 10_000, 100_000];

/// Processor time of a like on stores with more and more posts, which take turns.
pub(crate) fn by_posts(effort: &Effort) -> Result<Row, Error> {
    let (folder, turn) = (effort.folder()?, effort.likes(TURN));
    let mut stores = Vec::new();
    for &posts in effort.sizes() {
        progress(format_args!("growth: a store of {posts} posts"));
        let likers = Likers::open(&folder.path().join(posts.to_string()))?;
        likers.store_posts(posts)?;
        likers.send(Likes::over(posts), 0, turn)?;
        stores.push((posts, likers, Vec::new()));
    }
    for pair in 1..=effort.pairs() {
        for (posts, likers, costs) in &mut stores {
            costs.push(cost(likers, Likes::over(*posts), pair * turn, turn)?);
        }
    }
    let points: Vec<_> = stores.into_iter().map(|(posts, _, costs)| (posts, costs)).collect();
    Ok(row("CPU of a like as posts grow", "posts", &points, (1.15, "≤ 1.15")))
}

/// Processor time of the next like on a post that has more and more.
pub(crate) fn by_reactions(effort: &Effort) -> Result<Row, Error> {
    let folder = effort.folder()?;
    let likers = Likers::open(folder.path())?;
    let mut next = 0;
    let mut send = |post, count| {
        let first = next;
        next += count;
        cost(&likers, Likes::on(post), first, count)
    };
    let mut points = BEFORE.map(|before| (before, Vec::new()));
    let [.., (most, _)] = points;
    send(0, most)?;
    for window in 1..=WINDOWS {
        for (before, costs) in &mut points {
            // A post of its own each time; only the largest is hardly changed by a window.
            let post = match *before == most {
                true => 0,
                false => *before * WINDOWS + window,
            };
            if post > 0 {
                send(post, *before)?;
            }
            costs.push(send(post, WINDOW)?);
        }
    }
    Ok(row("CPU of the next like on one post", "reactions", &points, (1.1, "≤ 1.1")))
}

/// Microseconds of processor time by like.
fn cost(likers: &Likers, likes: Likes, first: u64, count: u64) -> Result<f64, Error> {
    let before = usage::cpu_time();
    likers.send(likes, first, count)?;
    Ok((usage::cpu_time() - before).as_secs_f64() * 1e6 / count as f64)
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
