//! The local stack: what can be broken of it, and how it is mended.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::ValueEnum;
use kudos_runtime::start::BoxError;
use tokio::process::Command;

/// What can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Fault {
    /// A Redis master dies: its replica takes over, if there is one
    RedisMasterKilled,
    /// A Redis master hangs: the same
    RedisMasterStopped,
    /// All of Redis dies
    RedisKilled,
    /// A Redis master loses all that it held
    RedisMasterFlushed,
    /// Kafka dies
    KafkaKilled,
    /// Elasticsearch dies
    ElasticsearchKilled,
    /// Elasticsearch hangs
    ElasticsearchStopped,
    /// Redis, Elasticsearch and Kafka die together
    SinksKilled,
    /// Cassandra hangs: without the truth nothing is saved
    CassandraStopped,
}

/// How nodes are broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Kill,
    Stop,
    Flush,
}

/// Which nodes of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// The first master.
    Master,
    All,
}

impl Fault {
    /// As it is written on the command line.
    pub(super) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// What it is, in words.
    pub(super) fn tells(self) -> String {
        let value = self.to_possible_value();
        value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
    }

    fn breaks(self) -> (Way, Which, &'static [&'static str]) {
        match self {
            Self::RedisMasterKilled => (Way::Kill, Which::Master, &["redis"]),
            Self::RedisMasterStopped => (Way::Stop, Which::Master, &["redis"]),
            Self::RedisKilled => (Way::Kill, Which::All, &["redis"]),
            Self::RedisMasterFlushed => (Way::Flush, Which::Master, &["redis"]),
            Self::KafkaKilled => (Way::Kill, Which::All, &["kafka"]),
            Self::ElasticsearchKilled => (Way::Kill, Which::All, &["elasticsearch"]),
            Self::ElasticsearchStopped => (Way::Stop, Which::All, &["elasticsearch"]),
            Self::SinksKilled => (Way::Kill, Which::All, &["redis", "elasticsearch", "kafka"]),
            Self::CassandraStopped => (Way::Stop, Which::All, &["cassandra"]),
        }
    }
}

/// A node of the running stack.
#[derive(Debug, Clone)]
struct Node {
    name: String,
    address: String,
}

impl Node {
    fn is_of(&self, part: &str) -> bool {
        self.name.rsplit_once('-').is_some_and(|(of, _)| of == part)
    }

    /// What Redis there answers.
    async fn redis(&self, command: &str) -> Result<String, BoxError> {
        let (host, port) = self.address.rsplit_once(':').ok_or("an address without a port")?;
        run(Command::new("redis-cli").args(["-h", host, "-p", port, command])).await
    }
}

/// Parts that are broken.
#[must_use = "it stays broken"]
pub(super) struct Broken(&'static [&'static str]);

/// The stack of a script.
pub(super) struct Stack {
    script: PathBuf,
    nodes: Vec<Node>,
    /// The API.
    pub(super) gateway: String,
    /// Where Kudos' own services tell their metrics.
    pub(super) services: Vec<String>,
    /// Processes that were stopped.
    stopped: Mutex<Vec<String>>,
}

impl Stack {
    /// The stack that runs, all of it.
    pub(super) async fn open(script: &Path) -> Result<Self, BoxError> {
        let status = call(script, &["status"]).await?;
        let rows = status.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        let mut nodes = Vec::new();
        for row in rows {
            let [name, _, address, health, ..] = row[..] else { continue };
            if health != "healthy" {
                return Err(format!("{name} is {health}: `{} up` first", script.display()).into());
            }
            nodes.push(Node { name: name.to_owned(), address: address.to_owned() });
        }
        let env = call(script, &["env"]).await?;
        let gateway = env.lines().find_map(|line| line.strip_prefix("export KUDOS_STACK_GATEWAY="));
        let gateway = gateway.ok_or("the stack names no gateway")?.to_owned();
        let own = |node: &&Node| {
            ["reaction-write", "search", "projector"].iter().any(|part| node.is_of(part))
        };
        let services = nodes.iter().filter(own).map(|node| format!("http://{}", node.address));
        let services = services.collect();
        Ok(Self { script: script.to_owned(), nodes, gateway, services, stopped: Mutex::default() })
    }

    /// Breaks what the fault says.
    pub(super) async fn break_it(&self, fault: Fault) -> Result<Broken, BoxError> {
        let (way, which, parts) = fault.breaks();
        for node in self.nodes.iter().filter(|node| parts.iter().any(|part| node.is_of(part))) {
            if which == Which::All {
                self.break_node(way, node).await?;
            } else if node.redis("ROLE").await?.starts_with("master") {
                self.break_node(way, node).await?;
                break;
            }
        }
        Ok(Broken(parts))
    }

    async fn break_node(&self, way: Way, node: &Node) -> Result<(), BoxError> {
        if way == Way::Flush {
            return match node.redis("FLUSHALL").await?.as_str() {
                "OK" => Ok(()),
                refused => Err(format!("{}: {refused}", node.name).into()),
            };
        }
        let pid = call(&self.script, &["pid", &node.name]).await?;
        let signal = if way == Way::Stop { "STOP" } else { "KILL" };
        if way == Way::Stop {
            self.lock().push(pid.clone());
        }
        run(Command::new("kill").args(["-s", signal, &pid])).await?;
        Ok(())
    }

    /// Dead nodes are started again with what they have on disk, and stopped ones go on.
    pub(super) async fn mend(&self, Broken(parts): Broken) -> Result<(), BoxError> {
        self.go_on();
        let mut words = vec!["up"];
        words.extend(parts);
        call(&self.script, &words).await?;
        Ok(())
    }

    /// Stopped nodes go on.
    pub(super) fn go_on(&self) {
        for pid in self.lock().drain(..) {
            // One that has died meanwhile is mended with the dead.
            let _ = std::process::Command::new("kill").args(["-s", "CONT", &pid]).status();
        }
    }

    /// The command that mends everything.
    pub(super) fn mends(&self) -> String {
        format!("{} up", self.script.display())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.stopped.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn call(script: &Path, words: &[&str]) -> Result<String, BoxError> {
    run(Command::new(script).args(words)).await
}

/// What a program prints; an error if it fails.
async fn run(command: &mut Command) -> Result<String, BoxError> {
    let output = command.kill_on_drop(true).output().await;
    let output = output.map_err(|error| format!("{:?}: {error}", command.as_std()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!("{:?}: {said}", command.as_std()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
