//! Nodes of the running stack, which a test breaks and mends.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

use crate::net::{Peer, port_of};
use crate::rig::MINUTE;
use crate::support::eventually;

/// The script that started the stack.
fn stack(words: &[&str]) -> String {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/local/stack");
    let output = Command::new(script).args(words).output().expect("the stack's script");
    let (text, errors) = (
        String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(output.status.success(), "stack {words:?}: {errors}");
    text
}

/// The same beside everything else that goes on.
async fn stack_meanwhile(words: Up) -> String {
    tokio::task::spawn_blocking(move || stack(words)).await.unwrap()
}

/// The words of `stack` by which nodes run again.
pub(crate) type Up = &'static [&'static str];

/// Nodes that got a signal, and run again at the end, however that comes.
pub(crate) struct Broken(Option<Up>);

impl Broken {
    /// Nodes, by their names in `stack status`, that get a signal: KILL or STOP. `up` mends them.
    pub(crate) async fn by(signal: &'static str, nodes: Vec<String>, up: Up) -> Self {
        let sent = move || nodes.iter().for_each(|node| send(signal, node));
        let broken = Self(Some(up));
        tokio::task::spawn_blocking(sent).await.unwrap();
        broken
    }

    /// Stopped ones go on, and dead ones are started again, with what they have on disk.
    pub(crate) async fn mend(mut self) {
        if let Some(up) = self.0.take() {
            stack_meanwhile(up).await;
        }
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        if let Some(up) = self.0 {
            stack(up);
        }
    }
}

fn send(signal: &str, node: &str) {
    let pid = stack(&["pid", node]);
    let sent = Command::new("kill").args(["-s", signal, &pid]).status().expect("a kill");
    assert!(sent.success(), "{signal} to {node}");
}

/// The nodes of a part.
pub(crate) fn all_of(part: &str) -> Vec<String> {
    let status = stack(&["status"]);
    let names = status.lines().filter_map(|line| line.split_whitespace().next());
    let of_part = |name: &&str| name.rsplit_once('-').is_some_and(|(of, _)| of == part);
    names.filter(of_part).map(str::to_owned).collect()
}

/// Where the node of that name listens.
pub(crate) fn address_of(node: &str) -> String {
    let status = stack(&["status"]);
    let mut rows = status.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row[0] == node).unwrap_or_else(|| panic!("no {node}:\n{status}"));
    row[2].to_owned()
}

/// The nodes of a part as packet filters know them.
pub(crate) fn peers(part: &str) -> Vec<Peer> {
    let status = stack(&["status"]);
    let rows = status.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let rows = rows.filter(|row| row[0].rsplit_once('-').is_some_and(|(of, _)| of == part));
    rows.map(|row| Peer::of(row[0], row[2])).collect()
}

/// Has so many slots of a master move to another one, while they are in use.
pub(crate) async fn move_slots(from: &str, to: &str, slots: usize) {
    let id = async |address: &str| redis_cli(address, &["CLUSTER", "MYID"]).await;
    let (giver, taker, slots) = (id(from).await, id(to).await, slots.to_string());
    let words = [["--cluster-from", &giver], ["--cluster-to", &taker], ["--cluster-slots", &slots]];
    let mut all = vec!["--cluster", "reshard", from, "--cluster-yes"];
    all.extend(words.as_flattened());
    redis_cli(from, &all).await;
}

async fn redis_cli(address: &str, words: &[&str]) -> String {
    let port = port_of(address).to_string();
    let output = tokio::process::Command::new("redis-cli").args(["-p", &port]).args(words).output();
    let output = output.await.expect("redis-cli");
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{words:?}: {text}");
    text
}

/// To one server of Redis, whoever it is in its cluster.
pub(crate) async fn connect(address: &str) -> redis::RedisResult<MultiplexedConnection> {
    let client = redis::Client::open(format!("redis://{address}"))?;
    client.get_multiplexed_async_connection().await
}

/// Deletes what dead nodes of Redis have on disk, but for their places in the cluster.
pub(crate) fn forget(nodes: &[String]) {
    let home = PathBuf::from(std::env::var("KUDOS_STACK_HOME").expect("a running stack"));
    for node in nodes {
        let folder = home.join(node);
        let gone = [
            std::fs::remove_dir_all(folder.join("appendonlydir")),
            std::fs::remove_file(folder.join("dump.rdb")),
        ];
        assert!(gone.iter().any(Result::is_ok), "{node} had nothing on disk: {gone:?}");
    }
}

/// A server of Redis that is none of the stack's, with the settings of one of them.
pub(crate) struct Extra {
    server: Child,
    pub(crate) address: String,
    _data: TempDir,
}

impl Extra {
    /// Empty, and in no cluster yet.
    pub(crate) async fn start(port: u16) -> Self {
        let home = PathBuf::from(std::env::var("KUDOS_STACK_HOME").expect("a running stack"));
        let data = TempDir::new().unwrap();
        let mut server = Command::new("redis-server");
        server.arg(home.join("redis-1/redis.conf")).args(["--port", &port.to_string()]);
        server.arg("--dir").arg(data.path()).stdout(Stdio::null());
        let server = server.spawn().expect("redis-server");
        let extra = Self { server, address: format!("127.0.0.1:{port}"), _data: data };
        eventually("another server of Redis answers", MINUTE, async || {
            connect(&extra.address).await.ok()
        })
        .await;
        extra
    }
}

impl Drop for Extra {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Runs the script by which an operator makes the cluster larger or smaller.
pub(crate) async fn resize(verb: &str, any: &str, node: &str) {
    let script =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/redis/resize-cluster.sh");
    let output = tokio::process::Command::new(script).args([verb, any, node]).output();
    let output = output.await.expect("the script");
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{verb} {node}: {}{}", said[0], said[1]);
}

/// The node that listens there.
pub(crate) fn at(address: &str) -> String {
    let status = stack(&["status"]);
    let mut rows = status.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.get(2) == Some(&address));
    row.unwrap_or_else(|| panic!("no node at {address}:\n{status}"))[0].to_owned()
}
