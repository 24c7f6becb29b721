//! Whether the servers are what the settings say, and how they become so.

use kudos_core::PortError;

use crate::library::{LIBRARY, LIBRARY_VERSION};
use crate::live::RedisLive;
use crate::server::Server;
use crate::settings::Mode;

/// Why Redis cannot be used as the settings say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No node answers.
    #[error("redis.nodes: none of them answers ({0}): start Redis, or correct the addresses")]
    Unreachable(String),
    /// A master of a cluster does not answer: its slots are out until another takes over.
    #[error("a master does not answer ({0}): the other slots are served")]
    Shard(String),
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
    async fn masters(&self) -> Result<Vec<Server>, CheckError> {
        let (settings, connector) = (self.cluster.settings(), &self.cluster.shared.connector);
        let mut first = None;
        let mut problems = Vec::new();
        for node in &settings.nodes {
            match Server::connect(connector, node).await {
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
            let master = Server::connect(connector, &shard.master).await;
            masters.push(master.map_err(|error| match error {
                CheckError::Unreachable(why) => CheckError::Shard(why),
                other => other,
            })?);
        }
        Ok(masters)
    }
}

impl From<CheckError> for PortError {
    fn from(error: CheckError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
