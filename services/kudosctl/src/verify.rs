//! `kudosctl verify` and `kudosctl repair`: whether every copy is what the truth says, and making
//! it so.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use kudos_core::PostId;
use kudos_core::ports::{Said, Share};
use kudos_runtime::shutdown::Shutdown;
use kudos_runtime::start::BoxError;
use kudos_verify::{Difference, Report, Verifier, VerifySettings};

use crate::copies::Copies;
use crate::progress::Display;
use crate::settings::Settings;

/// What is compared, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyArgs {
    /// Count the reactions of every N-th post anew: 1 for all posts, which is dear, 0 for none
    #[arg(long, default_value_t = 100, value_name = "N")]
    rows: u64,
    /// Do not search the copies for what the truth does not know, which costs as much as comparing
    #[arg(long)]
    no_strangers: bool,
    /// How long a change may take to reach every copy: what differs is looked at again after it
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    settle: Duration,
    /// Pages of posts that are read at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
    /// Differences to list; all are counted
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    list: u16,
}

/// Which posts to mend.
#[derive(Debug, Clone, Args)]
pub(crate) struct RepairArgs {
    /// The ids of the posts
    #[arg(value_name = "POST", required_unless_present = "all")]
    posts: Vec<PostId>,
    /// Compare all posts, and mend those that differ
    #[arg(long, conflicts_with = "posts")]
    all: bool,
    #[command(flatten)]
    verify: VerifyArgs,
}

impl VerifyArgs {
    fn settings(&self, mend: bool) -> VerifySettings {
        VerifySettings {
            rows_every: self.rows,
            strangers: !self.no_strangers,
            mend,
            settle: self.settle,
            in_flight: self.concurrency.into(),
            listed: self.list.into(),
            ..VerifySettings::default()
        }
    }
}

/// Compares everything, and prints what differs.
pub(crate) async fn run(
    settings: &Settings,
    args: &VerifyArgs,
    json: bool,
) -> Result<ExitCode, BoxError> {
    work(settings, args.settings(false), None, json).await
}

/// Mends these posts, or all that differ, and prints what was done.
pub(crate) async fn repair(
    settings: &Settings,
    args: &RepairArgs,
    json: bool,
) -> Result<ExitCode, BoxError> {
    let posts = (!args.all).then_some(&*args.posts);
    work(settings, args.verify.settings(true), posts, json).await
}

/// At the first Ctrl-C it ends with what was found and done until then; a second one ends it at
/// once. Whatever was cut short is done again by the next call.
async fn work(
    settings: &Settings,
    how: VerifySettings,
    posts: Option<&[PostId]>,
    json: bool,
) -> Result<ExitCode, BoxError> {
    let shutdown = Shutdown::new();
    shutdown.begin_on_signals()?;
    let stop = shutdown.token();
    let copies = Copies::connect(settings, &stop).await?;
    let truth = copies.truth.store.clone();
    let verifier = Verifier::new(truth, copies.mirrors(), &settings.kinds, how);
    let report = match posts {
        Some(posts) => verifier.examine(posts, &stop).await,
        None => {
            let mut display = Display::new();
            let mut show = |progress: kudos_verify::Progress| display.show(&progress.into());
            verifier.run(Share::ALL, &mut show, &stop).await
        }
    };
    let text = if json { serde_json::to_string_pretty(&report)? } else { text(&report) };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(exit(&report))
}

/// What could not be judged is no success, whatever else was found.
fn exit(report: &Report) -> ExitCode {
    if !report.is_complete() || !report.unknown.is_empty() {
        ExitCode::FAILURE
    } else {
        crate::unless(!report.is_clean())
    }
}

fn text(report: &Report) -> String {
    let mut text = table(&report.differences);
    let listed = report.differences.len() as u64;
    // Writing into a string does not fail, here and below.
    if listed > 0 && listed < report.differing {
        let _ = writeln!(text, "… and {} more", report.differing - listed);
    }
    text + &summary(report)
}

/// What was compared and how it ended, and before it what could not be.
pub(crate) fn summary(report: &Report) -> String {
    let mut text = String::new();
    for post in &report.unknown {
        let _ = writeln!(text, "{post}: neither the truth nor a copy knows it");
    }
    if report.unsettled > 0 {
        let _ =
            writeln!(text, "{} could not be judged: they change all the while", report.unsettled);
    }
    for failure in &report.failures {
        let _ = writeln!(text, "{} cannot be asked: {}", failure.copy, failure.why);
    }
    let searched: u64 = report.copies.iter().map(|copy| copy.searched).sum();
    let _ = write!(
        text,
        "{} posts compared, the rows of {} counted, {searched} places searched: ",
        report.posts, report.recounted
    );
    text.push_str(&verdict(report));
    text
}

fn verdict(report: &Report) -> String {
    let Report { differing, mended, .. } = report;
    let mut text = match (differing, differing - mended) {
        (0, _) => "nothing differs".to_owned(),
        (_, left) if left == *differing => format!("{differing} DIFFERENCES"),
        (_, 0) => format!("{differing} differences, all mended"),
        (_, left) => format!("{differing} differences, {left} NOT MENDED"),
    };
    if !report.finished {
        text.push_str(", as far as it came: it was stopped, call it again");
    } else if !report.failures.is_empty() {
        text.push_str(", as far as could be asked");
    }
    text
}

/// One line for each value that differs, in columns.
fn table(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return String::new();
    }
    let said = |said: Option<Said>| said.map_or_else(|| "-".to_owned(), |said| said.to_string());
    let mut lines = vec![["post", "copy", "is", "in", "truth", "found", ""].map(str::to_owned)];
    for found in differences {
        let done = match found.mended {
            Some(true) => "mended",
            Some(false) => "NOT MENDED",
            None => "",
        };
        for field in &found.fields {
            lines.push([
                found.post.to_string(),
                found.copy.to_owned(),
                found.wrong.as_str().to_owned(),
                field.name.clone(),
                said(field.truth),
                said(field.found),
                done.to_owned(),
            ]);
        }
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<_> = (0..7).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use kudos_verify::{Failure, Field, Wrong};

    use super::*;

    fn report(mended: Option<bool>) -> Report {
        let field = |name: &str, truth, found| Field { name: name.to_owned(), truth, found };
        let fields = vec![
            field("like", Some(Said::Number(3)), Some(Said::Number(77))),
            field("version", None, Some(Said::Number(9))),
        ];
        let post = PostId::new("p1").unwrap();
        let found = Difference { post, copy: "redis", wrong: Wrong::Different, fields, mended };
        Report {
            finished: true,
            posts: 12,
            recounted: 1,
            differing: 2,
            mended: u64::from(mended == Some(true)),
            differences: vec![found],
            ..Report::default()
        }
    }

    #[test]
    fn differences_are_named_by_post_and_copy_with_both_values() {
        let expected = "\
post  copy   is         in       truth  found
p1    redis  different  like     3      77
p1    redis  different  version  -      9
… and 1 more
12 posts compared, the rows of 1 counted, 0 places searched: 2 DIFFERENCES";
        assert_eq!(text(&report(None)), expected);
    }

    #[test]
    fn what_was_mended_is_said_and_what_was_not() {
        let text = text(&report(Some(true)));
        assert!(text.contains("77     mended"), "{text}");
        assert!(text.ends_with("2 differences, 1 NOT MENDED"), "{text}");
    }

    #[test]
    fn a_script_can_tell_well_from_different_from_failed() {
        let code = |report: &Report| format!("{:?}", exit(report));
        let clean = Report { finished: true, ..Report::default() };
        assert_eq!(code(&clean), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code(&report(None)), format!("{:?}", ExitCode::from(3)));
        let stopped = Report { finished: false, ..report(None) };
        assert_eq!(code(&stopped), format!("{:?}", ExitCode::FAILURE));
        assert!(text(&stopped).ends_with("it was stopped, call it again"));
        let failures = vec![Failure { copy: "redis", why: "no answer in time".to_owned() }];
        let failed = Report { failures, ..clean };
        assert_eq!(code(&failed), format!("{:?}", ExitCode::FAILURE));
        assert!(text(&failed).contains("redis cannot be asked: no answer in time"));
    }
}
