//! The commands, on a data folder that is at rest and beside a running server.

mod help;
mod import;
mod maintain;
mod seed;

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

/// How a command ended, and what it said.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// What it printed, if it ended well.
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// A command on a data folder, its streams piped.
fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kudos"));
    command.env_clear().kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.args(arguments).arg("--data").arg(data);
    command
}

async fn run(data: &Path, arguments: &[&str]) -> Ran {
    let output = command(data, arguments).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    ran
}
