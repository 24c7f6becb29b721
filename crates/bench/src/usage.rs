//! What a measurement cost: processor time and memory.
use rustix::time::{ClockId, clock_gettime};
use std::{fs, io, time::Duration};

/// Clock ticks of `/proc/self/stat` a second: fixed at 100 by the kernel's interface.
const TICKS_PER_SECOND: u64 = 100;

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
