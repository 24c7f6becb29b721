//! Opening after a power cut tore the last batch.
//!
//! The engine drops a last batch that is cut short, but refuses to open when the batch ends as it
//! should and a page in its middle never reached the disk: its checksum is wrong then. Such a
//! batch was not acknowledged, since its fsync never returned. So its end is cut off, which the
//! engine understands, and the journal as it was is kept beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How much of the file is read at a time on the way back from its preallocated end.
const BLOCK: u64 = 1 << 20;

/// Whether an open failed on a batch whose checksum is wrong.
pub(super) fn is_torn(error: &fjall::Error) -> bool {
    matches!(error, fjall::Error::JournalRecovery(fjall::JournalRecoveryError::ChecksumMismatch))
}

/// Cuts the end off the newest journal in `store`, after copying it to `<journal>.torn`. False if
/// that was done before: then the damage is not in the last batch, and nothing is touched.
pub(super) fn cut_torn_end(store: &Path) -> io::Result<bool> {
    let Some(journal) = newest_journal(store)? else {
        return Ok(false);
    };
    let kept = journal.with_extension("torn");
    if kept.exists() {
        return Ok(false);
    }
    let mut file = OpenOptions::new().read(true).write(true).open(&journal)?;
    let Some(last) = last_written_byte(&mut file)? else {
        return Ok(false);
    };
    fs::copy(&journal, &kept)?;
    file.set_len(last)?;
    file.sync_all()?;
    tracing::error!(
        journal = %journal.display(),
        kept = %kept.display(),
        "the last batch is damaged, as after a power cut, and was cut off"
    );
    Ok(true)
}

/// Journals are named by ascending numbers.
fn newest_journal(store: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest = None;
    for entry in fs::read_dir(store)? {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let Some(number) = number.filter(|_| is_journal) {
            newest = newest.max(Some((number, path)));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// The offset of the last byte that is not zero; journals are preallocated with zeros.
fn last_written_byte(file: &mut File) -> io::Result<Option<u64>> {
    let mut end = file.metadata()?.len();
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        block.clear();
        file.seek(SeekFrom::Start(start))?;
        file.by_ref().take(end - start).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|&byte| byte != 0) {
            return Ok(Some(start + at as u64));
        }
        end = start;
    }
    Ok(None)
}
