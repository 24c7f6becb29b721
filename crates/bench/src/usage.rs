//! What a measurement cost: processor time, bytes written, bytes kept.
use rustix::time::{ClockId, clock_gettime};
use std::{fs, io, os::unix::fs::MetadataExt, path::Path, time::Duration};

/// Clock ticks of `/proc/self/stat` a second: fixed at 100 by the kernel's interface.
const TICKS_PER_SECOND: u64 = 100;
/// Unit of `st_blocks`, whatever the file system's own block size.
const BLOCK_BYTES: u64 = 512;

/// Processor time of this process in user and kernel mode, all threads, to the nanosecond.
pub(crate) fn cpu_time() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    // It began at 0 and only grows.
    Duration::try_from(spent).unwrap_or_default()
}

/// Memory of this process that is in use, in bytes.
pub(crate) fn resident_bytes() -> io::Result<u64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).unwrap_or("0");
    let pages: u64 = pages.parse().unwrap_or(0);
    Ok(pages * rustix::param::page_size() as u64)
}

/// Processor time of another process, in steps of 10 ms.
pub(crate) fn cpu_time_of(pid: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The command name may hold spaces: fields are counted from its closing parenthesis, where
    // the state is field 3, user time 14 and kernel time 15.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

/// Bytes that this process caused to be sent to the disk so far.
pub(crate) fn written_bytes() -> io::Result<u64> {
    let io = fs::read_to_string("/proc/self/io")?;
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
