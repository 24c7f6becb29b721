//! Compares every count with a recount.

use std::fmt::Write;

use kudos_core::{Counts, Kinds};
use kudos_embedded::{Audit, Difference, Side};
use serde::Serialize;

use super::counts::Named;
use super::{JobError, Outcome, Place, Reporter, blocking};

/// The exit code when counts differ.
pub(super) const EXIT_DIFFERENT: u8 = 3;

#[derive(Serialize)]
struct Document<'a> {
    posts: u64,
    rows: u64,
    different: u64,
    /// At most 1000.
    differences: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    post: &'a str,
    /// Whose counts they are.
    copy: &'static str,
    rows: Named<'a>,
    counts: Named<'a>,
}

/// Recounts everything.
pub(super) async fn run(place: &Place, reporter: &Reporter) -> Result<Outcome, JobError> {
    let (backends, telling) = (place.backends.clone(), reporter.clone());
    let audit = blocking(move || backends.verify(&mut |step| telling.step("records", step)));
    let audit = audit.await??;
    let Audit { posts, rows, different, ref differences } = audit;
    let kinds = &place.kinds;
    let line = |found| line(found, kinds);
    let differences = differences.iter().map(line).collect();
    let exit = if different == 0 { 0 } else { EXIT_DIFFERENT };
    Outcome::new(exit, text(&audit, kinds), &Document { posts, rows, different, differences })
}

fn line<'a>(difference: &'a Difference, kinds: &'a Kinds) -> Line<'a> {
    let Difference { post, side, rows, counts } = difference;
    let (rows, counts) = (Named { kinds, counts: rows }, Named { kinds, counts });
    Line { post: post.as_str(), copy: name(*side), rows, counts }
}

/// The names by which answers call the copies.
fn name(side: Side) -> &'static str {
    match side {
        Side::Head => "truth",
        Side::Board => "live",
    }
}

fn text(audit: &Audit, kinds: &Kinds) -> String {
    let Audit { posts, rows, different, differences } = audit;
    if *different == 0 {
        return format!("{posts} posts, {rows} rows: every count is that of the rows");
    }
    let mut text = format!("{posts} posts, {rows} rows: {different} counts differ from the rows\n");
    text.push_str("post\tkind\trows\tcounts\tcopy");
    for Difference { post, side, rows, counts } in differences {
        let pair = |kind| (rows.get(kind), counts.get(kind));
        for kind in kinds.all().filter(|&kind| pair(kind).0 != pair(kind).1) {
            let ((rows, counts), kind) = (pair(kind), kinds.name(kind));
            // Writing into a string does not fail.
            let _ = write!(text, "\n{post}\t{kind}\t{rows}\t{counts}\t{}", name(*side));
        }
    }
    let listed = differences.len() as u64;
    if listed < *different {
        let _ = write!(text, "\n… and {} more", different - listed);
    }
    text
}

/// Whether counts are those of the rows, as far as there are any.
pub(super) fn agrees(rows: &Counts, copy: Option<&Counts>) -> bool {
    copy.map_or(rows.total() == 0, |copy| copy == rows)
}
