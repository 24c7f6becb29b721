//! Tells of the lines that were not taken: the first ones at once, all of them in the report.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::jobs::{JobError, Reporter};

/// How many refused lines are shown.
const SHOWN: u64 = 20;

pub(super) struct Refusals {
    report: Option<(PathBuf, BufWriter<File>)>,
    reporter: Reporter,
    refused: u64,
}

impl Refusals {
    /// Begins the report anew, unless the import goes on where one stopped.
    pub(super) fn new(
        report: Option<PathBuf>,
        resumed: bool,
        reporter: Reporter,
    ) -> Result<Self, JobError> {
        let open = |path: PathBuf| {
            let mut options = File::options();
            options.create(true).write(true).append(resumed).truncate(!resumed);
            match options.open(&path) {
                Ok(file) => Ok((path, BufWriter::new(file))),
                Err(source) => Err(JobError::File { path, source }),
            }
        };
        Ok(Self { report: report.map(open).transpose()?, reporter, refused: 0 })
    }

    /// One line was refused.
    pub(super) async fn add(
        &mut self,
        file: &Path,
        line: u64,
        reason: &(dyn Display + Sync),
    ) -> Result<(), JobError> {
        let text = format!("{}:{line}: {reason}", file.display());
        self.refused += 1;
        if let Some((path, report)) = &mut self.report {
            let written = writeln!(report, "{text}");
            written.map_err(|source| JobError::File { path: path.clone(), source })?;
        }
        if self.refused <= SHOWN {
            self.reporter.note(text).await;
        }
        Ok(())
    }

    /// Puts into the report what is not there yet, before the place behind it is remembered.
    pub(super) fn flush(&mut self) -> Result<(), JobError> {
        let Some((path, report)) = &mut self.report else {
            return Ok(());
        };
        report.flush().map_err(|source| JobError::File { path: path.clone(), source })
    }

    pub(super) async fn finish(mut self) -> Result<(), JobError> {
        self.flush()?;
        let hidden = self.refused.saturating_sub(SHOWN);
        if hidden > 0 {
            let place = match &self.report {
                Some((path, _)) => format!("all are in {}", path.display()),
                None => "--report FILE writes all of them".to_owned(),
            };
            self.reporter.note(format!("… and {hidden} more refused lines: {place}")).await;
        }
        Ok(())
    }
}
