//! A service as a child process.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::oneshot;

use super::Api;

/// A test that hangs tells less than one that fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What makes a clock wrong.
const CLOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stack/support/clock.c");

/// A running service, killed when dropped.
pub(crate) struct Service {
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
}

/// What a service is started with, beside its settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Launch {
    /// Named points of the code and what happens there.
    pub(crate) failpoints: Option<String>,
    /// The group by which packet filters know it.
    pub(crate) group: Option<u32>,
    /// By how many seconds its clock of the day is wrong.
    pub(crate) clock: Option<i32>,
}

/// How a program ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program beside this test's own.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(|deps| deps.parent()).unwrap().join(name);
    let how = "cargo build -p reaction-write -p search -p projector -p kudosctl";
    assert!(built.exists(), "{} is not built: {how}", built.display());
    built
}

/// The library made of [`CLOCK`], once for this process.
fn clock() -> &'static Path {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clock.so");
        let mut compiler = std::process::Command::new("cc");
        compiler.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(CLOCK);
        assert!(compiler.status().expect("a C compiler").success(), "{CLOCK} does not compile");
        library
    });
    &BUILT
}

fn command(name: &str, words: &[&str], flags: &[String]) -> Command {
    let mut command = Command::new(program(name));
    command.env_clear().kill_on_drop(true).args(words).args(flags);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a program to its end.
pub(crate) async fn run(name: &str, words: &[&str], flags: &[String]) -> Ended {
    let output = command(name, words, flags).output();
    let output = tokio::time::timeout(PATIENCE, output).await.expect("an end").unwrap();
    Ended::of(output)
}

/// A program that runs to an end of its own, unless somebody stops it.
pub(crate) struct Program(Child);

impl Program {
    pub(crate) fn start(name: &str, words: &[&str], flags: &[String]) -> Self {
        Self(command(name, words, flags).spawn().unwrap())
    }

    /// As by `kill -9`.
    pub(crate) async fn kill(&mut self) {
        assert!(self.0.try_wait().unwrap().is_none(), "it has ended already");
        self.0.kill().await.unwrap();
    }

    /// Asks it to stop as Ctrl-C does, and waits until it has.
    pub(crate) async fn interrupt(self) -> Ended {
        let pid = self.0.id().expect("it was not waited for yet");
        kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::INT).unwrap();
        let output = tokio::time::timeout(PATIENCE, self.0.wait_with_output()).await;
        Ended::of(output.expect("an end").unwrap())
    }
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            status: output.status,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs a program until a line of its stderr has `begun` in it, then interrupts it as Ctrl-C does,
/// and tells how long it took to end.
pub(crate) async fn interrupted(
    name: &str,
    words: &[&str],
    flags: &[String],
    begun: &str,
) -> (Ended, Duration) {
    let mut child = command(name, words, flags).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut stderr = String::new();
    let begin = async {
        while let Ok(Some(line)) = lines.next_line().await {
            stderr.push_str(&line);
            if line.contains(begun) {
                return;
            }
        }
        panic!("{name} never says {begun:?}");
    };
    tokio::time::timeout(PATIENCE, begin).await.expect("a begin");
    let pid = child.id().expect("it was not waited for yet");
    let told = std::time::Instant::now();
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::INT).unwrap();
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.expect("an end").unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    (Ended { status: output.status, stdout, stderr }, told.elapsed())
}

impl Service {
    /// Starts it on a free port, without rate limits, and waits until it serves.
    pub(crate) async fn start(name: &str, flags: Vec<String>) -> Self {
        Self::start_as(name, flags, &Launch::default()).await
    }

    /// The same in another way.
    pub(crate) async fn start_as(name: &str, mut flags: Vec<String>, launch: &Launch) -> Self {
        flags.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
        if name != "projector" {
            for limit in ["limits.writes_per_second=0", "limits.requests_per_second=0"] {
                flags.extend(["--set".to_owned(), limit.to_owned()]);
            }
        }
        let mut command = command(name, &[], &flags);
        if let Some(wrong_by) = launch.clock {
            command.env("LD_PRELOAD", clock()).env("WRONG_BY", wrong_by.to_string());
        }
        if let Some(points) = &launch.failpoints {
            command.env("FAILPOINTS", points);
        }
        if let Some(group) = launch.group {
            command.gid(group);
        }
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (announce, announced) = oneshot::channel();
        tokio::spawn(follow(child.stderr.take().unwrap(), Arc::clone(&log), announce));
        let address = tokio::time::timeout(PATIENCE, announced).await.expect("a start");
        let text = || log.lock().unwrap().clone();
        let address = address.unwrap_or_else(|_| panic!("{name} does not start:\n{}", text()));
        Self { child, address, log }
    }

    pub(crate) fn api(&self) -> Api {
        Api::new(&format!("http://{}", self.address))
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The bytes of memory that it holds.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(self.proc().join("status")).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.unwrap_or(0) << 10
    }

    /// How many files it has open, sockets among them.
    pub(crate) fn files(&self) -> usize {
        std::fs::read_dir(self.proc().join("fd")).map_or(0, Iterator::count)
    }

    /// What the kernel tells of it.
    fn proc(&self) -> PathBuf {
        Path::new("/proc").join(self.child.id().unwrap_or(0).to_string())
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        let pid = self.child.id().expect("it was not waited for yet");
        kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::TERM).unwrap();
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("an end").unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let log = self.log();
        if std::thread::panicking() {
            eprintln!("--- {}\n{log}", self.address);
        } else {
            assert!(!log.contains("panicked"), "{log}");
        }
    }
}

async fn follow(stderr: ChildStderr, log: Arc<Mutex<String>>, announce: oneshot::Sender<String>) {
    let mut lines = BufReader::new(stderr).lines();
    let mut announce = Some(announce);
    while let Ok(Some(line)) = lines.next_line().await {
        log.lock().unwrap().push_str(&format!("{line}\n"));
        let Ok(event) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
        if event["message"] == "serving"
            && let Some(announce) = announce.take()
        {
            let _ = announce.send(event["address"].as_str().unwrap_or_default().to_owned());
        }
    }
}
