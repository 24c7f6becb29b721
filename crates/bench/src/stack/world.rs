//! Deployments of the benches' own on the running engines: a keyspace, topic, index and prefix
//! each, and the services that use them.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kudos_cassandra::{Cassandra, CassandraSettings};
use kudos_core::{Kinds, SystemClock};
use kudos_elastic::{Elastic, ElasticSettings};
use kudos_kafka::KafkaSettings;
use kudos_redis::{RedisLive, RedisSettings};
use kudos_runtime::config::Sources;
use kudos_runtime::settings::Settings;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::child::Running;

/// How often the index shows what it was told, in milliseconds: Elasticsearch's own default, and
/// what the row on freshness is held against.
pub(crate) const REFRESH_MS: u64 = 1_000;

/// How long a service may take to stop.
const STOP: Duration = Duration::from_secs(15);

/// Where the engines of `make stack-up` are, as `deploy/local/stack env` says it.
pub(crate) struct Addresses {
    pub(crate) cassandra: String,
    pub(crate) redis: String,
    pub(crate) kafka: String,
    pub(crate) elastic: String,
    /// Where the engines keep what they hold.
    pub(crate) home: PathBuf,
}

impl Addresses {
    /// Of the stack with one node of each engine, which is what can be compared on one machine.
    pub(crate) fn find() -> Result<Self, Fault> {
        let of = |name: &'static str| std::env::var(name).map_err(|_| Fault::NoStack(name));
        if of("KUDOS_STACK_PROFILE")? != "small" {
            return Err(Fault::NoStack("KUDOS_STACK_PROFILE=small"));
        }
        Ok(Self {
            cassandra: of("KUDOS_STACK_CASSANDRA")?,
            redis: of("KUDOS_STACK_REDIS")?,
            kafka: of("KUDOS_STACK_KAFKA")?,
            elastic: of("KUDOS_STACK_ELASTIC")?,
            home: of("KUDOS_STACK_HOME")?.into(),
        })
    }

    /// The processes of the engines, by name.
    pub(crate) fn pids(&self) -> Result<Vec<(String, u32)>, Fault> {
        let pid = |engine: &str| {
            let text = std::fs::read_to_string(self.home.join(format!("{engine}-1/pid")))?;
            let pid = text.trim().parse().map_err(|_| Fault::NoStack("a process id"))?;
            Ok((engine.to_owned(), pid))
        };
        ["cassandra", "redis", "kafka", "elasticsearch"].into_iter().map(pid).collect()
    }
}

/// One deployment.
pub(crate) struct World {
    /// Its keyspace, topic and index, and the prefix of its keys.
    pub(crate) name: String,
    settings: Vec<(&'static str, String)>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Engines {
    cassandra: CassandraSettings,
    redis: RedisSettings,
    elastic: ElasticSettings,
    kafka: KafkaSettings,
}

impl Settings for Engines {}

impl World {
    /// Makes the deployment by the product's own migrations, unless it is there.
    pub(crate) fn open(name: &str, at: &Addresses) -> Result<Self, Fault> {
        let settings = vec![
            ("cassandra.contact_points", format!("[{:?}]", at.cassandra)),
            ("cassandra.keyspace", name.to_owned()),
            ("cassandra.replication.datacenter1", "1".to_owned()),
            ("redis.nodes", format!("[{:?}]", at.redis)),
            ("redis.mode", "single".to_owned()),
            ("redis.prefix", format!("{name}:")),
            ("kafka.brokers", format!("[{:?}]", at.kafka)),
            ("kafka.topic", name.to_owned()),
            ("kafka.dead_topic", format!("{name}.dead")),
            ("kafka.group", name.to_owned()),
            ("elastic.urls", format!("[{:?}]", at.elastic)),
            ("elastic.index", name.to_owned()),
            ("elastic.replicas", "0".to_owned()),
        ];
        let world = Self { name: name.to_owned(), settings };
        let migrated =
            program("kudosctl")?.arg("migrate").args(world.flags("kudosctl")).output()?;
        if migrated.status.success() {
            return Ok(world);
        }
        Err(Fault::Program("kudosctl migrate", String::from_utf8_lossy(&migrated.stderr).into()))
    }

    /// The settings that a program knows; it refuses those of sections that it has not.
    fn flags(&self, program: &str) -> Vec<String> {
        let knows = |key: &str| program != "reaction-write" || !key.starts_with("elastic.");
        let known = self.settings.iter().filter(|(key, _)| knows(key));
        known.flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]).collect()
    }

    /// Starts a service on a free port, and waits until it serves.
    pub(crate) fn start(&self, name: &'static str) -> Result<Service, Fault> {
        self.start_with(name, &[])
    }

    /// The same with further settings.
    pub(crate) fn start_with(
        &self,
        name: &'static str,
        settings: &[&str],
    ) -> Result<Service, Fault> {
        let mut command = program(name)?;
        command.args(self.flags(name)).args(["--listen", "127.0.0.1:0"]);
        command.args(settings.iter().flat_map(|setting| ["--set", setting]));
        if name != "projector" {
            // No limit: all load comes from one address.
            command.args(["--set", "limits.writes_per_second=0"]);
            command.args(["--set", "limits.requests_per_second=0"]);
        }
        let mut child = Running(command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn()?);
        let mut log = BufReader::new(child.0.stderr.take().expect("it is piped")).lines();
        let mut said = String::new();
        while let Some(Ok(line)) = log.next() {
            let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if event["message"] == "serving"
                && let Some(address) = event["address"].as_str().and_then(|text| text.parse().ok())
            {
                // Somebody has to read what it still writes.
                thread::spawn(move || log.for_each(drop));
                return Ok(Service { child, name, address });
            }
            said.push_str(&line);
        }
        child.0.wait()?;
        Err(Fault::Program(name, said))
    }

    fn engines(&self) -> Result<Engines, Fault> {
        let flags = self.settings.iter().map(|(key, value)| format!("{key}={value}"));
        Sources::none().assignments("--set", flags).load().map_err(Fault::of)
    }

    /// The truth, opened by this process.
    pub(crate) async fn cassandra(&self) -> Result<Cassandra, Fault> {
        let settings = self.engines()?.cassandra;
        let connected = Cassandra::connect(&settings, Kinds::default(), Arc::new(SystemClock));
        connected.await.map_err(Fault::of)
    }

    /// The live counts, opened by this process on the runtime that is to keep their connections.
    pub(crate) async fn redis(&self) -> Result<Arc<RedisLive>, Fault> {
        let live = RedisLive::new(self.engines()?.redis, Arc::default(), Arc::new(()));
        live.map(Arc::new).map_err(Fault::of)
    }

    /// The same under another prefix, where nothing is.
    pub(crate) async fn redis_at(&self, prefix: &str) -> Result<Arc<RedisLive>, Fault> {
        let settings = RedisSettings { prefix: prefix.to_owned(), ..self.engines()?.redis };
        RedisLive::new(settings, Arc::default(), Arc::new(())).map(Arc::new).map_err(Fault::of)
    }

    /// Where the log is.
    pub(crate) fn kafka(&self) -> Result<KafkaSettings, Fault> {
        Ok(self.engines()?.kafka)
    }

    /// The index, opened by this process.
    pub(crate) fn elastic(&self) -> Result<Arc<Elastic>, Fault> {
        let index = Elastic::new(&self.engines()?.elastic, Kinds::default(), Arc::new(()));
        index.map(Arc::new).map_err(Fault::of)
    }
}

/// A program of the suite, built beside this one.
fn program(name: &'static str) -> Result<Command, Fault> {
    let built = std::env::current_exe()?.with_file_name(name);
    if !built.exists() {
        return Err(Fault::NotBuilt(name));
    }
    let mut command = Command::new(built);
    command.env_clear().stdin(Stdio::null());
    Ok(command)
}

/// A running service.
pub(crate) struct Service {
    pub(crate) child: Running,
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
}

impl Drop for Service {
    /// Stops it as an operator would: one that is killed leaves windows of the journal open, and a
    /// projector of a later measurement would have to sweep them.
    fn drop(&mut self) {
        if kill_process(Pid::from_child(&self.child.0), Signal::TERM).is_err() {
            return;
        }
        let end = Instant::now() + STOP;
        while matches!(self.child.0.try_wait(), Ok(None)) && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
    }
}
