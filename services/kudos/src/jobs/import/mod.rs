//! Loads somebody's own posts and reactions.
//!
//! Each batch of lines is durable before the place behind it is remembered, so that an import
//! that was broken off goes on where it stopped; and a line that was taken before changes
//! nothing, so that an import can be run again at any time. Of several lines about one user and
//! post the one with the latest time wins, in whatever order they come; of two with the same time
//! the later line.

mod checkpoint;
mod posts;
mod reactions;
mod refusals;
mod source;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{JobError, Outcome, Place, Reporter};
use refusals::Refusals;
use source::{Role, Source};

/// The exit code when lines were refused.
const EXIT_REFUSED: u8 = 2;

/// What to import.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ImportFiles {
    pub(crate) posts: Option<PathBuf>,
    pub(crate) reactions: Option<PathBuf>,
    /// Instead of what the files' extensions tell.
    pub(crate) format: Option<FileFormat>,
    /// Where every refused line is written.
    pub(crate) report: Option<PathBuf>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FileFormat {
    /// One JSON object a line
    Jsonl,
    /// Comma-separated values with a header line
    Csv,
}

/// What became of the lines of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    /// Records that were read.
    read: u64,
    /// New, or different from what was held.
    changed: u64,
    /// The same as what was held, or imported before.
    unchanged: u64,
    /// Older than another line, or than what the user did since.
    superseded: u64,
    /// Not taken; each is reported.
    refused: u64,
}

#[derive(Serialize)]
struct FileSummary<'f> {
    file: &'f Path,
    #[serde(flatten)]
    tally: Tally,
}

/// Imports the posts, then the reactions.
pub(super) async fn run(
    place: &Place,
    files: ImportFiles,
    reporter: &Reporter,
) -> Result<Outcome, JobError> {
    let ImportFiles { posts, reactions, format, report } = files;
    let open = |role, path: Option<PathBuf>| {
        path.map(|path| Source::open(role, path, format, &place.data)).transpose()
    };
    let mut posts = open(Role::Posts, posts)?;
    let mut reactions = open(Role::Reactions, reactions)?;
    let resumed = [&posts, &reactions].into_iter().flatten().any(Source::is_resumed);
    let mut refusals = Refusals::new(report, resumed, reporter.clone())?;
    for source in [&posts, &reactions].into_iter().flatten().filter(|source| source.is_resumed()) {
        let (path, line) = (source.path().display(), source.lines() + 1);
        reporter
            .note(format!("{path}: going on at line {line}, where the last import stopped"))
            .await;
    }
    if let Some(source) = &mut posts {
        posts::import(place, source, &mut refusals, reporter).await?;
    }
    if let Some(source) = &mut reactions {
        reactions::import(place, source, &mut refusals, reporter).await?;
    }
    refusals.finish().await?;
    let sources: Vec<Source> = [posts, reactions].into_iter().flatten().collect();
    let outcome = outcome(&sources)?;
    sources.into_iter().try_for_each(Source::forget)?;
    Ok(outcome)
}

fn outcome(sources: &[Source]) -> Result<Outcome, JobError> {
    let summary = |source: &Source| {
        let Tally { read, changed, unchanged, superseded, refused } = source.tally;
        let file = source.path().display();
        format!(
            "{file}: {read} read, {changed} new or changed, {unchanged} as before, \
             {superseded} superseded, {refused} refused"
        )
    };
    let text = sources.iter().map(summary).collect::<Vec<_>>().join("\n");
    let document = |source| FileSummary { file: Source::path(source), tally: source.tally };
    let documents: Vec<FileSummary<'_>> = sources.iter().map(document).collect();
    let refused = sources.iter().any(|source| source.tally.refused > 0);
    Outcome::new(if refused { EXIT_REFUSED } else { 0 }, text, &documents)
}
