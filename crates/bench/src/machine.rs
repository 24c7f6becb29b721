//! What the figures were taken on.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::pairs::Spread;

const SYNCS: usize = 101;

/// A list in Markdown of what a reader needs to place the figures. `folder` is on the disk that
/// was measured.
pub(crate) fn describe(folder: &Path) -> io::Result<String> {
    let cpu = field("/proc/cpuinfo", "model name");
    let cores = std::thread::available_parallelism()?;
    let memory: f64 =
        field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let sync = sync_ms(folder)?;
    Ok(format!(
        "- CPU: {cpu}, {cores} cores\n- memory: {:.0} GiB\n- kernel: Linux {}\n- compiler: {}\n\
         - an fdatasync of 4 KiB: {sync} ms, median and range of {SYNCS}\n",
        memory / f64::from(1 << 20),
        kernel.trim(),
        compiler(),
    ))
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    value.map_or_else(|| "unknown".into(), |(_, value)| value.trim().to_owned())
}

fn compiler() -> String {
    let version = Command::new("rustc").arg("--version").output();
    version.map_or_else(
        |_| "unknown".into(),
        |said| String::from_utf8_lossy(&said.stdout).trim().to_owned(),
    )
}

fn sync_ms(folder: &Path) -> io::Result<Spread> {
    let mut file = File::create(folder.join("sync"))?;
    let mut taken = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.write_all(&[1; 4096])?;
        let begun = Instant::now();
        file.sync_data()?;
        taken.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Spread::of(&taken))
}
