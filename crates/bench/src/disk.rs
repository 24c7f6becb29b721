//! What a process or a store does to the disk.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, io};

/// Unit of `st_blocks`, whatever the file system's own block size.
const BLOCK_BYTES: u64 = 512;

/// Bytes that a process caused to be sent to the disk so far.
pub(crate) fn written_bytes(pid: u32) -> io::Result<u64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io"))?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0))
}

/// Bytes that the files under `dir` occupy: holes of preallocated files do not count.
pub(crate) fn disk_bytes(dir: &Path) -> io::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        total += match entry.file_type()?.is_dir() {
            true => disk_bytes(&entry.path())?,
            false => entry.metadata()?.blocks() * BLOCK_BYTES,
        };
    }
    Ok(total)
}
