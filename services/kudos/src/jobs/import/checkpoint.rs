//! How far a file was imported, kept in the data folder under the file's fingerprint.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use kudos_import::Format;
use serde::{Deserialize, Serialize};

use super::Tally;
use super::source::Role;
use crate::jobs::JobError;

/// How much of both ends of a file goes into its fingerprint.
const SAMPLE: u64 = 64 << 10;

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) lines: u64,
    pub(super) tally: Tally,
}

/// Where the place in one file is kept.
pub(super) struct Checkpoint(PathBuf);

impl Checkpoint {
    /// The checkpoint of a file's present content: its length, time of change and both ends. A
    /// file that was changed begins anew, which is always safe.
    pub(super) fn of(role: Role, format: Format, file: &mut File, data: &Path) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{} {format:?}", role.name()).as_bytes());
        hasher.update(&metadata.len().to_le_bytes());
        hasher.update(&changed.as_nanos().to_le_bytes());
        for start in [0, metadata.len().saturating_sub(SAMPLE)] {
            file.seek(SeekFrom::Start(start))?;
            let mut sample = Vec::new();
            file.take(SAMPLE).read_to_end(&mut sample)?;
            hasher.update(&sample);
        }
        let name = format!("{}.json", &hasher.finalize().to_hex()[..32]);
        Ok(Self(data.join("imports").join(name)))
    }

    /// The place, if the file was not imported to its end. What cannot be read means from the
    /// beginning.
    pub(super) fn load(&self) -> Option<Place> {
        let bytes = fs::read(&self.0).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Replaces the place in one step: a crash leaves the old one or the new one.
    pub(super) fn save(&self, place: &Place) -> Result<(), JobError> {
        let bytes = serde_json::to_vec(place)?;
        let new = self.0.with_extension("new");
        let write = || {
            fs::create_dir_all(self.0.parent().unwrap_or(Path::new(".")))?;
            fs::write(&new, bytes)?;
            fs::rename(&new, &self.0)
        };
        write().map_err(|source| JobError::File { path: self.0.clone(), source })
    }

    pub(super) fn remove(self) -> Result<(), JobError> {
        match fs::remove_file(&self.0) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                Err(JobError::File { path: self.0, source })
            }
            _ => Ok(()),
        }
    }
}
