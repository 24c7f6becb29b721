//! Redis servers of a test's own: on free ports, without anything on disk that outlives it, and
//! ended with the test, however it ends.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kudos_redis::{Mode, RedisSettings};
use tempfile::TempDir;

use super::patient;

/// How long a server or cluster may take to come up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Ends the server when the test's end of the pipe closes, whatever the reason.
const WRAPPER: &str = r#""$@" >/dev/null 2>&1 & server=$!; echo $server; cat >/dev/null; kill -9 $server 2>/dev/null"#;

/// One Redis.
pub(crate) struct Server {
    pub(crate) port: u16,
    pid: u32,
    arguments: Vec<String>,
    wrapper: Child,
    directory: TempDir,
}

/// Starts one Redis with more of its own arguments.
pub(crate) fn start(arguments: &[&str]) -> Server {
    start_on(free_port(), arguments)
}

fn start_on(port: u16, arguments: &[&str]) -> Server {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let (wrapper, pid) = launch(port, &directory, &arguments);
    let server = Server { port, pid, arguments, wrapper, directory };
    server.wait();
    server
}

fn launch(port: u16, directory: &TempDir, arguments: &[String]) -> (Child, u32) {
    let mut wrapper = Command::new("setsid")
        .args(["sh", "-c", WRAPPER, "redis", "redis-server", "--port", &port.to_string()])
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--repl-diskless-sync-delay", "0", "--maxmemory-policy", "noeviction"])
        .arg("--dir")
        .arg(directory.path())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-server is installed: `make stack-up` does that");
    let mut pid = String::new();
    let mut output = wrapper.stdout.take().expect("it was piped");
    let mut byte = [0];
    while output.read_exact(&mut byte).is_ok() && byte != *b"\n" {
        pid.push(char::from(byte[0]));
    }
    (wrapper, pid.parse().expect("the wrapper says the process's number"))
}

impl Server {
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        patient(RedisSettings { nodes: vec![self.address()], ..RedisSettings::default() })
    }

    /// SIGKILL, SIGSTOP, SIGCONT.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.pid.to_string()]).status();
        assert!(sent.expect("there is a kill").success());
    }

    /// Starts it again after a kill, with what it has on disk.
    pub(crate) fn start_again(&mut self) {
        let _ = self.wrapper.kill();
        let _ = self.wrapper.wait();
        (self.wrapper, self.pid) = launch(self.port, &self.directory, &self.arguments);
        self.wait();
    }

    fn wait(&self) {
        wait_for(&format!("Redis on port {}", self.port), || {
            let answer = cli(self.port, &["PING"]);
            answer.contains("PONG") || answer.contains("NOAUTH")
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.wrapper.stdin.take());
        let _ = self.wrapper.wait();
    }
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} is not up within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks by redis-cli; errors are answers too.
pub(crate) fn cli(port: u16, words: &[&str]) -> String {
    let output = Command::new("timeout")
        .args(["3", "redis-cli", "-h", "127.0.0.1", "-p", &port.to_string()])
        .args(words)
        .stderr(Stdio::null())
        .output()
        .expect("redis-cli is installed: `make stack-up` does that");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A port that is free, as is the one 10,000 above, where the nodes of a cluster talk.
fn free_port() -> u16 {
    loop {
        let port = 20_000 + below(9_000);
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 10_000) {
            return port;
        }
    }
}

fn below(most: u16) -> u16 {
    let mut bytes = [0; 2];
    let mut chance = std::fs::File::open("/dev/urandom").expect("there is chance");
    chance.read_exact(&mut bytes).expect("it does not end");
    u16::from_le_bytes(bytes) % most
}

/// A cluster of three masters.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    /// Three masters with so many replicas each.
    pub(crate) fn start(replicas: usize, more: &[&str]) -> Self {
        let mut arguments = vec!["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        arguments.extend(["--cluster-require-full-coverage", "no"]);
        arguments.extend(["--cluster-replica-validity-factor", "0"]);
        arguments.extend(more);
        let nodes: Vec<_> = (0..3 * (replicas + 1)).map(|_| start(&arguments)).collect();
        let addresses: Vec<_> = nodes.iter().map(Server::address).collect();
        let created = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(&addresses)
            .args(["--cluster-replicas", &replicas.to_string(), "--cluster-yes"])
            .output()
            .expect("redis-cli is installed");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
        let cluster = Self { nodes };
        let replicas_up = format!("connected_slaves:{replicas}");
        wait_for("the cluster", || {
            cluster.nodes.iter().all(|node| {
                let info = cli(node.port, &["CLUSTER", "INFO"]);
                let replication = cli(node.port, &["INFO", "replication"]);
                info.contains("cluster_state:ok")
                    && (replication.contains("role:slave")
                        && replication.contains("master_link_status:up")
                        || replication.contains(&replicas_up))
            })
        });
        cluster
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        let nodes = self.nodes.iter().map(Server::address).collect();
        patient(RedisSettings { mode: Mode::Cluster, nodes, ..RedisSettings::default() })
    }

    /// The node of an address.
    pub(crate) fn node(&self, address: &str) -> &Server {
        let node = self.nodes.iter().find(|node| node.address() == address);
        node.expect("the address is of this cluster")
    }
}
