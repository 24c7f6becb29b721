//! Nodes of the running stack, which a test breaks and mends.

use std::path::PathBuf;
use std::process::Command;

use crate::net::{Peer, port_of};

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

/// The node that listens there.
pub(crate) fn at(address: &str) -> String {
    let status = stack(&["status"]);
    let mut rows = status.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.get(2) == Some(&address));
    row.unwrap_or_else(|| panic!("no node at {address}:\n{status}"))[0].to_owned()
}
