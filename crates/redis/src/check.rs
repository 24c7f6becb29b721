//! Whether the servers are what the settings say, and how they become so.

use std::sync::Arc;
use std::time::Duration;

use kudos_core::PortError;
use kudos_degraded::Deadline;
use redis::Value;
use redis::aio::MultiplexedConnection;

use crate::failure::Cause;
use crate::library::{Form, Function, LIBRARY, LIBRARY_VERSION};
use crate::live::RedisLive;
use crate::node::connect_cause;
use crate::settings::Mode;
use crate::topology::Topology;

/// How long a server may take for an answer here, where nobody waits for a page.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why Redis cannot be used as the settings say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No node answers.
    #[error("redis.nodes: none of them answers ({0}): start Redis, or correct the addresses")]
    Unreachable(String),
    /// The user or password is wrong, or one is needed.
    #[error("redis.username, redis.password: {node} refuses them ({why})")]
    Login {
        /// The node that refused.
        node: String,
        /// What it said.
        why: String,
    },
    /// The user may not do what Kudos has to.
    #[error(
        "redis.username: {node} does not allow this user enough ({why}): see deploy/redis/users.acl"
    )]
    Permission {
        /// The node that refused.
        node: String,
        /// What it said.
        why: String,
    },
    /// A single server, although the settings say that there is a cluster.
    #[error(
        "redis.mode is cluster, but {0} is a single server: set redis.mode to single, or cluster-enabled yes in Redis"
    )]
    NotACluster(String),
    /// A node of a cluster, although the settings say that there is a single server.
    #[error("redis.mode is single, but {0} is a node of a cluster: set redis.mode to cluster")]
    IsACluster(String),
    /// Redis may drop ranks when memory is short.
    #[error(
        "{node} evicts keys when memory is short, ranks too, which nobody would notice: set maxmemory-policy noeviction in Redis (now {policy})"
    )]
    Evicts {
        /// The node.
        node: String,
        /// Its policy.
        policy: String,
    },
    /// A newer Kudos has loaded its library.
    #[error(
        "{node} has version {found} of the library kudos, which is newer than {known}: update this program"
    )]
    NewerLibrary {
        /// The node.
        node: String,
        /// The version found.
        found: u64,
        /// The version that this program has.
        known: u64,
    },
    /// A node does not answer as it should.
    #[error("{node}: {why}")]
    Other {
        /// The node.
        node: String,
        /// What it said.
        why: String,
    },
}

/// What the migration found on a master, and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrated {
    /// The library was there.
    Unchanged,
    /// The library was loaded: there was none, or this older version.
    Loaded {
        /// The version before.
        before: Option<u64>,
    },
}

impl RedisLive {
    /// Asks the servers whether they are what the settings say. Answers with the masters that lack
    /// the function library: they work, but every call carries the text along until
    /// [`migrate`](Self::migrate) has loaded it.
    ///
    /// # Errors
    /// What is wrong, which setting is about it, and what to do.
    pub async fn check(&self) -> Result<Vec<String>, CheckError> {
        let mut lacking = Vec::new();
        for mut master in self.masters().await? {
            master.check_mode(self.cluster.settings().mode).await?;
            master.check_eviction().await?;
            match master.library().await? {
                None => lacking.push(master.node),
                Some(found) => master.check_library(found)?,
            }
        }
        Ok(lacking)
    }

    /// Loads the function library on every master that lacks it or has an older one; replicas
    /// follow. Doing it again changes nothing.
    ///
    /// # Errors
    /// As [`check`](Self::check); a newer library is left as it is.
    pub async fn migrate(&self) -> Result<Vec<(String, Migrated)>, CheckError> {
        let mut done = Vec::new();
        for mut master in self.masters().await? {
            master.check_mode(self.cluster.settings().mode).await?;
            let before = master.library().await?;
            before.map_or(Ok(()), |found| master.check_library(found))?;
            let migrated = if before == Some(LIBRARY_VERSION) {
                Migrated::Unchanged
            } else {
                let mut load = redis::cmd("FUNCTION");
                load.arg("LOAD").arg("REPLACE").arg(LIBRARY);
                master.ask(&load).await?;
                Migrated::Loaded { before }
            };
            done.push((master.node, migrated));
        }
        Ok(done)
    }

    /// Fresh connections to every master: those in use hide a wrong password behind a breaker.
    async fn masters(&self) -> Result<Vec<Master>, CheckError> {
        let settings = self.cluster.settings();
        let mut first = None;
        let mut problems = Vec::new();
        for node in &settings.nodes {
            match self.connect(node).await {
                Ok(master) => {
                    first = Some(master);
                    break;
                }
                Err(CheckError::Unreachable(why)) => problems.push(why),
                Err(other) => return Err(other),
            }
        }
        let mut first = first.ok_or_else(|| CheckError::Unreachable(problems.join("; ")))?;
        first.check_mode(settings.mode).await?;
        if settings.mode == Mode::Single {
            return Ok(vec![first]);
        }
        let topology = first.topology().await?;
        let mut masters = Vec::new();
        for shard in topology.shards() {
            masters.push(self.connect(&shard.master).await?);
        }
        Ok(masters)
    }

    async fn connect(&self, node: &str) -> Result<Master, CheckError> {
        let connector = self.cluster.shared.connector.patient(PATIENCE);
        let unreachable = |why: String| CheckError::Unreachable(format!("{node}: {why}"));
        match Deadline::after(PATIENCE * 2).run(connector.connect(node, false)).await {
            Ok(Ok(connection)) => Ok(Master { node: node.to_owned(), connection }),
            Ok(Err(error)) => Err(match connect_cause(&error) {
                Cause::Login(why) => CheckError::Login { node: node.to_owned(), why },
                other => unreachable(other.to_string()),
            }),
            Err(_) => Err(unreachable("no answer in time".to_owned())),
        }
    }
}

struct Master {
    node: String,
    connection: MultiplexedConnection,
}

impl Master {
    async fn ask(&mut self, cmd: &redis::Cmd) -> Result<Value, CheckError> {
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

    async fn text(&mut self, words: &[&str]) -> Result<String, CheckError> {
        let mut cmd = redis::Cmd::new();
        cmd.arg(words);
        let reply = self.ask(&cmd).await?;
        redis::from_redis_value(reply).map_err(|error| self.other(error.to_string()))
    }

    fn other(&self, why: String) -> CheckError {
        CheckError::Other { node: self.node.clone(), why }
    }

    async fn check_mode(&mut self, mode: Mode) -> Result<(), CheckError> {
        let is_cluster = self.text(&["INFO", "cluster"]).await?.contains("cluster_enabled:1");
        match (mode, is_cluster) {
            (Mode::Cluster, false) => Err(CheckError::NotACluster(self.node.clone())),
            (Mode::Single, true) => Err(CheckError::IsACluster(self.node.clone())),
            _ => Ok(()),
        }
    }

    async fn check_eviction(&mut self) -> Result<(), CheckError> {
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
    async fn library(&mut self) -> Result<Option<u64>, CheckError> {
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

    fn check_library(&self, found: u64) -> Result<(), CheckError> {
        if found <= LIBRARY_VERSION {
            return Ok(());
        }
        let (node, known) = (self.node.clone(), LIBRARY_VERSION);
        Err(CheckError::NewerLibrary { node, found, known })
    }

    async fn topology(&mut self) -> Result<Arc<Topology>, CheckError> {
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("SLOTS");
        let reply = self.ask(&slots).await?;
        let host = self.node.rsplit_once(':').map_or("", |(host, _)| host);
        let topology = Topology::read(&reply, host).filter(|known| !known.shards().is_empty());
        topology.map(Arc::new).ok_or_else(|| self.other("knows of no slots".to_owned()))
    }
}

impl From<CheckError> for PortError {
    fn from(error: CheckError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
