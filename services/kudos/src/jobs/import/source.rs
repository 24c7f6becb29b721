//! A file that is being imported, batch by batch.

use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use kudos_import::{Columns, Format, Line, Lines, Refusal};

use super::checkpoint::{Checkpoint, Place};
use super::{FileFormat, Tally};
use crate::jobs::JobError;

/// Records, and their bytes, that are applied together.
const BATCH_RECORDS: usize = 4096;
const BATCH_BYTES: u64 = 8 << 20;

/// What the records of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Posts,
    Reactions,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Posts => "posts",
            Self::Reactions => "reactions",
        }
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Posts => &["post", "title", "created_at"],
            Self::Reactions => &["post", "user", "kind", "at"],
        }
    }
}

/// Records with the numbers of their lines.
pub(super) struct Batch<T> {
    pub(super) records: Vec<(u64, T)>,
    pub(super) refused: Vec<(u64, Refusal)>,
}

/// A file, and how far it was imported.
pub(super) struct Source {
    role: Role,
    path: PathBuf,
    length: u64,
    columns: Columns,
    lines: Lines<BufReader<File>>,
    checkpoint: Checkpoint,
    resumed: bool,
    pub(super) tally: Tally,
}

impl Source {
    /// Opens a file where the last import of it stopped, if one did.
    pub(super) fn open(
        role: Role,
        path: PathBuf,
        format: Option<FileFormat>,
        data: &Path,
    ) -> Result<Self, JobError> {
        let format = match format {
            Some(FileFormat::Csv) => Format::Csv,
            Some(FileFormat::Jsonl) => Format::JsonLines,
            None => Format::of(&path).ok_or_else(|| JobError::Format(path.clone()))?,
        };
        let failed = |source| JobError::File { path: path.clone(), source };
        let mut file = File::open(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let checkpoint = Checkpoint::of(role, format, &mut file, data).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let mut lines = Lines::new(BufReader::new(file), format);
        let columns = match format {
            Format::JsonLines => Columns::Named,
            Format::Csv => {
                let header = lines.next_line().map_err(failed)?.and_then(|line| line.bytes.ok());
                let columns = format.columns(&header.unwrap_or_default(), role.columns());
                columns.map_err(|error| JobError::Header { path: path.clone(), error })?
            }
        };
        let mut tally = Tally::default();
        let held = checkpoint.load();
        let resumed = held.is_some();
        if let Some(Place { offset, lines: read, tally: before }) = held {
            let mut file = File::open(&path).map_err(failed)?;
            file.seek(SeekFrom::Start(offset)).map_err(failed)?;
            lines = Lines::resume(BufReader::new(file), format, offset, read);
            tally = before;
        }
        Ok(Self { role, path, length, columns, lines, checkpoint, resumed, tally })
    }

    /// The next records; none at the end of the file.
    pub(super) fn batch<T>(
        &mut self,
        parse: impl Fn(&Columns, &[u8]) -> Result<T, Refusal>,
    ) -> Result<Option<Batch<T>>, JobError> {
        let mut batch = Batch { records: Vec::new(), refused: Vec::new() };
        let start = self.lines.offset();
        while batch.records.len() + batch.refused.len() < BATCH_RECORDS
            && self.lines.offset() - start < BATCH_BYTES
            && let Some(line) = self.lines.next_line().map_err(|error| self.failed(error))?
        {
            let Line { number, bytes } = line;
            match bytes.and_then(|bytes| parse(&self.columns, &bytes)) {
                Ok(record) => batch.records.push((number, record)),
                Err(refusal) => batch.refused.push((number, refusal)),
            }
        }
        let read = batch.records.len() + batch.refused.len();
        self.tally.read += read as u64;
        Ok((read > 0).then_some(batch))
    }

    /// Remembers that everything read so far is durable.
    pub(super) fn save(&self) -> Result<(), JobError> {
        let (offset, lines) = (self.lines.offset(), self.lines.lines());
        self.checkpoint.save(&Place { offset, lines, tally: self.tally })
    }

    /// Forgets how far the file was imported: it is done.
    pub(super) fn forget(self) -> Result<(), JobError> {
        self.checkpoint.remove()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    pub(super) fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Lines read so far.
    pub(super) fn lines(&self) -> u64 {
        self.lines.lines()
    }

    /// About how many lines there are: as many in each byte to come as in those read.
    pub(super) fn estimate(&self) -> u64 {
        let (lines, offset) = (u128::from(self.lines.lines()), u128::from(self.lines.offset()));
        let all = lines * u128::from(self.length) / offset.max(1);
        u64::try_from(all).unwrap_or(u64::MAX).max(self.lines())
    }

    fn failed(&self, source: io::Error) -> JobError {
        JobError::File { path: self.path.clone(), source }
    }
}
