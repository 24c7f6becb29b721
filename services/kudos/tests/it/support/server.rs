//! The server as a child process.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::oneshot;

use super::Api;

/// A test that hangs tells less than one that fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server in a folder of its own, with the settings of [`Launch::on`].
pub(crate) async fn kudos(data: &Path) -> Server {
    Launch::on(data).start().await
}

/// How to start a server.
pub(crate) struct Launch(Command);

impl Launch {
    /// A server over a data folder, without rate limits, and with time limits that a busy machine
    /// does not reach: tests that are about limits set their own.
    pub(crate) fn on(data: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kudos"));
        command.env_clear().kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.args(["--listen", "127.0.0.1:0", "--data"]).arg(data);
        Self(command)
            .set("limits.writes_per_second=0")
            .set("limits.requests_per_second=0")
            .set("write.truth_ms=9000")
            .set("query.total_ms=9000")
            .set("query.live_ms=9000")
            .set("query.index_ms=9000")
            .set("query.truth_ms=9000")
    }

    pub(crate) fn set(mut self, assignment: &str) -> Self {
        self.0.args(["--set", assignment]);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Lets something happen at a named point of the code: `return` aborts there.
    pub(crate) fn failpoint(self, name: &str, action: &str) -> Self {
        if !cfg!(feature = "failpoints") {
            panic!("no failpoints; run: cargo test -p kudos --features failpoints");
        }
        self.env("FAILPOINTS", &format!("{name}={action}"))
    }

    pub(crate) async fn start(self) -> Server {
        self.try_start().await.unwrap_or_else(|log| panic!("no start:\n{log}"))
    }

    /// The log, if the process ends without serving.
    pub(crate) async fn try_start(mut self) -> Result<Server, String> {
        let mut child = self.0.spawn().unwrap();
        let log = Log::default();
        let (announce, announced) = oneshot::channel();
        let stderr = child.stderr.take().unwrap();
        tokio::spawn(log.clone().follow(stderr, announce));
        match tokio::time::timeout(PATIENCE, announced).await.unwrap() {
            Ok(base) => Ok(Server { child, base, log }),
            Err(_) => Err(log.text()),
        }
    }
}

/// A running server, killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Such as `http://127.0.0.1:4711`.
    base: String,
    log: Log,
}

/// How a server stopped.
pub(crate) struct Stopped {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

impl Server {
    /// The host and port.
    pub(crate) fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    pub(crate) fn api(&self) -> Api {
        Api::new(&self.base)
    }

    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Ends it as a power switch would, as far as a process can be.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
        self.log.check();
    }

    /// A handle that ends it while something else holds the server.
    pub(crate) fn killer(&self) -> impl Fn() + Send + Sync + 'static {
        let pid = self.pid();
        move || kill_process(pid, Signal::KILL).unwrap()
    }

    pub(crate) fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    /// Asks it to stop and waits for that.
    pub(crate) async fn stop(self) -> Stopped {
        self.terminate();
        self.ended().await
    }

    /// Waits for it to end by itself.
    pub(crate) async fn ended(mut self) -> Stopped {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = ended.expect("the server does not end").unwrap();
        self.log.check();
        let log = self.log.text();
        Stopped { status, log }
    }

    fn pid(&self) -> Pid {
        let pid = self.child.id().expect("the process was not waited for yet");
        Pid::from_raw(pid.try_into().unwrap()).unwrap()
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    async fn follow(self, stderr: ChildStderr, announce: oneshot::Sender<String>) {
        let mut lines = BufReader::new(stderr).lines();
        let mut announce = Some(announce);
        while let Ok(Some(line)) = lines.next_line().await {
            self.0.lock().unwrap().push_str(&format!("{line}\n"));
            if let Some(url) = line.trim().strip_prefix("page ")
                && let Some(announce) = announce.take()
            {
                let _ = announce.send(url.trim().trim_end_matches('/').to_owned());
            }
        }
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    /// No input and no fault makes a thread of the server panic.
    fn check(&self) {
        let text = self.text();
        assert!(!text.contains(" panicked at "), "{text}");
    }
}
