//! What users might build instead, run and scored by `rivals/rivals.py`.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::Fault;
use super::world::{Addresses, World};
use crate::pairs::grouped;
use crate::report::progress;
use crate::rows::Effort;

/// One line of the script's output.
#[derive(Deserialize)]
struct Score {
    name: String,
    requests: u64,
    seconds: f64,
    p50_ms: f64,
    p99_ms: f64,
    posts: u64,
    wrong_posts: u64,
    off_by: u64,
    should_be: u64,
}

/// A table of the scores.
pub(crate) fn measure(
    effort: &Effort,
    at: &Addresses,
    world: &World,
    python: &Path,
) -> Result<String, Fault> {
    let (writer, search) = (world.start("reaction-write")?, world.start("search")?);
    let operations = effort.likes(20_000).to_string();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("rivals/rivals.py");
    progress("rivals: the same operations for three counters");
    let output = Command::new(python)
        .arg(script)
        .args(["--kudos", &format!("http://{}", writer.address)])
        .args(["--kudos-reads", &format!("http://{}", search.address)])
        .args(["--cassandra", &at.cassandra, "--redis", &at.redis, "--kafka", &at.kafka])
        .args(["--operations", &operations])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(Fault::Program("rivals.py", output.status.to_string()));
    }
    let mut text = format!(
        "{operations} operations, the same for all, 30 % of them sent twice, by the same 32 callers \
         in Python.\n\n\
         | | requests/s | p50, ms | p99, ms | posts counted wrong | reactions off | \n\
         |---|---|---|---|---|---|\n"
    );
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let score: Score = serde_json::from_str(line).map_err(Fault::of)?;
        text += &score.row();
    }
    Ok(text)
}

impl Score {
    fn row(&self) -> String {
        let name = match self.name.as_str() {
            "kudos" => "Kudos: saved, fsynced, delivered",
            "draft" => "upsert, increment, event (the first draft of many)",
            _ => "a script in Redis, append-only file synced every second",
        };
        format!(
            "| {name} | {} | {:.1} | {:.1} | {} of {} | {} of {} |\n",
            grouped(self.requests as f64 / self.seconds),
            self.p50_ms,
            self.p99_ms,
            grouped(self.wrong_posts as f64),
            grouped(self.posts as f64),
            grouped(self.off_by as f64),
            grouped(self.should_be as f64),
        )
    }
}
