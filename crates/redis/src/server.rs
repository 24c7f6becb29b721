//! A server that is asked what it is, where nobody waits for a page.

use std::sync::Arc;
use std::time::Duration;

use kudos_degraded::Deadline;
use redis::Value;
use redis::aio::MultiplexedConnection;

use crate::check::CheckError;
use crate::connect::Connector;
use crate::failure::Cause;
use crate::library::{Form, Function, LIBRARY_VERSION};
use crate::node::connect_cause;
use crate::settings::Mode;
use crate::topology::Topology;

/// How long a server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server with a connection of its own, beside those that serve requests: they hide a wrong
/// password behind a breaker.
pub(crate) struct Server {
    pub(crate) node: String,
    connection: MultiplexedConnection,
}

impl Server {
    /// Connects and logs in.
    pub(crate) async fn connect(connector: &Connector, node: &str) -> Result<Self, CheckError> {
        let connector = connector.patient(PATIENCE);
        let unreachable = |why: String| CheckError::Unreachable(format!("{node}: {why}"));
        match Deadline::after(PATIENCE * 2).run(connector.connect(node, false)).await {
            Ok(Ok(connection)) => Ok(Self { node: node.to_owned(), connection }),
            Ok(Err(error)) => Err(match connect_cause(&error) {
                Cause::Login(why) => CheckError::Login { node: node.to_owned(), why },
                other => unreachable(other.to_string()),
            }),
            Err(_) => Err(unreachable("no answer in time".to_owned())),
        }
    }

    pub(crate) async fn ask(&mut self, cmd: &redis::Cmd) -> Result<Value, CheckError> {
        let node = self.node.clone();
        let reply = self.connection.send_packed_command(cmd).await;
        reply.and_then(Value::extract_error).map_err(|error| {
            let why = error.to_string();
            match error.code() {
                Some("NOAUTH" | "WRONGPASS") => CheckError::Login { node, why },
                Some("NOPERM") => CheckError::Permission { node, why },
                _ => CheckError::Other { node, why },
            }
        })
    }

    pub(crate) async fn text(&mut self, words: &[&str]) -> Result<String, CheckError> {
        let mut cmd = redis::Cmd::new();
        cmd.arg(words);
        let reply = self.ask(&cmd).await?;
        redis::from_redis_value(reply).map_err(|error| self.other(error.to_string()))
    }

    pub(crate) fn other(&self, why: String) -> CheckError {
        CheckError::Other { node: self.node.clone(), why }
    }

    pub(crate) async fn check_mode(&mut self, mode: Mode) -> Result<(), CheckError> {
        let is_cluster = self.text(&["INFO", "cluster"]).await?.contains("cluster_enabled:1");
        match (mode, is_cluster) {
            (Mode::Cluster, false) => Err(CheckError::NotACluster(self.node.clone())),
            (Mode::Single, true) => Err(CheckError::IsACluster(self.node.clone())),
            _ => Ok(()),
        }
    }

    pub(crate) async fn check_eviction(&mut self) -> Result<(), CheckError> {
        let memory = self.text(&["INFO", "memory"]).await?;
        let policy = memory.lines().find_map(|line| line.strip_prefix("maxmemory_policy:"));
        match policy {
            Some(policy) if policy != "noeviction" => {
                Err(CheckError::Evicts { node: self.node.clone(), policy: policy.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// The version of the library; none if there is none.
    pub(crate) async fn library(&mut self) -> Result<Option<u64>, CheckError> {
        let version = Function::Version.command(Form::Function, &[], &[]);
        match self.ask(&version).await {
            Ok(reply) => {
                let version = redis::from_redis_value(reply);
                version.map(Some).map_err(|error| self.other(error.to_string()))
            }
            Err(CheckError::Other { why, .. }) if why.contains("Function not found") => Ok(None),
            Err(other) => Err(other),
        }
    }

    pub(crate) fn check_library(&self, found: u64) -> Result<(), CheckError> {
        if found <= LIBRARY_VERSION {
            return Ok(());
        }
        let (node, known) = (self.node.clone(), LIBRARY_VERSION);
        Err(CheckError::NewerLibrary { node, found, known })
    }

    pub(crate) async fn topology(&mut self) -> Result<Arc<Topology>, CheckError> {
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("SLOTS");
        let reply = self.ask(&slots).await?;
        let host = self.node.rsplit_once(':').map_or("", |(host, _)| host);
        let topology = Topology::read(&reply, host).filter(|known| !known.shards().is_empty());
        topology.map(Arc::new).ok_or_else(|| self.other("knows of no slots".to_owned()))
    }
}
