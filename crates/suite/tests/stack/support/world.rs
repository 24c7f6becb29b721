//! A deployment of the tests' own on the engines of the stack: its own keyspace, topic, index and
//! prefix of keys, kept from run to run. Tests that share a world use names of their own in it.

use std::collections::HashMap;
use std::sync::Arc;

use kudos_cassandra::{Cassandra, CassandraSettings};
use kudos_core::{Kinds, SystemClock};
use kudos_elastic::{Elastic, ElasticSettings};
use kudos_kafka::{KafkaLog, KafkaSettings};
use kudos_redis::{RedisLive, RedisSettings};
use kudos_runtime::config::Sources;
use kudos_runtime::settings::Settings;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OnceCell};

use super::service::{Service, run};

/// Where one deployment is.
#[derive(Clone)]
pub(crate) struct World {
    settings: Vec<(String, String)>,
}

/// The engines as the services know them.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Engines {
    cassandra: CassandraSettings,
    redis: RedisSettings,
    elastic: ElasticSettings,
    kafka: KafkaSettings,
}

impl Settings for Engines {}

fn variable(name: &str, default: &str) -> String {
    std::env::var(format!("KUDOS_STACK_{name}")).unwrap_or_else(|_| default.to_owned())
}

fn list(addresses: &str) -> String {
    let quoted: Vec<_> = addresses.split(',').map(|address| format!("{address:?}")).collect();
    format!("[{}]", quoted.join(","))
}

impl World {
    /// The world of that name, made by the migrations.
    pub(crate) async fn open(name: &'static str) -> Self {
        type Worlds = HashMap<&'static str, Arc<OnceCell<World>>>;
        static OPENED: Mutex<Option<Worlds>> = Mutex::const_new(None);
        let cell = {
            let mut opened = OPENED.lock().await;
            Arc::clone(opened.get_or_insert_default().entry(name).or_default())
        };
        cell.get_or_init(|| Self::make(name)).await.clone()
    }

    async fn make(name: &str) -> Self {
        let cassandra = variable("CASSANDRA", "127.0.0.1:9042");
        let copies = if cassandra.contains(',') { "3" } else { "1" };
        // Another group of consumers in every run: members of the last one may not be gone yet.
        let group = format!("e2e-{name}-{}", std::process::id());
        let settings = [
            ("cassandra.contact_points", list(&cassandra)),
            ("cassandra.keyspace", format!("e2e_{name}")),
            ("cassandra.replication.datacenter1", copies.to_owned()),
            ("redis.nodes", list(&variable("REDIS", "127.0.0.1:7000"))),
            ("redis.mode", variable("REDIS_MODE", "single")),
            ("redis.prefix", format!("e2e-{name}:")),
            ("kafka.brokers", list(&variable("KAFKA", "127.0.0.1:9092"))),
            ("kafka.topic", format!("e2e-{name}")),
            ("kafka.dead_topic", format!("e2e-{name}.dead")),
            ("kafka.partitions", "3".to_owned()),
            ("kafka.group", group),
            ("elastic.urls", list(&variable("ELASTIC", "http://127.0.0.1:9200"))),
            ("elastic.index", format!("e2e-{name}")),
            ("elastic.replicas", "0".to_owned()),
            // Three nodes may share two cores here: bounds are tested by those who set them.
            ("cassandra.request_timeout", "5s".to_owned()),
            ("cassandra.commit_timeout", "8s".to_owned()),
            ("cassandra.keepalive", "3s".to_owned()),
            ("write.truth_ms", "9000".to_owned()),
            ("write.sinks_ms", "2000".to_owned()),
            ("query.truth_ms", "2000".to_owned()),
            ("query.total_ms", "5000".to_owned()),
        ];
        let world = Self { settings: settings.map(|(key, value)| (key.to_owned(), value)).into() };
        let migrated = run("kudosctl", &["migrate"], &world.flags("kudosctl")).await;
        assert!(
            migrated.status.success(),
            "{}{}\nstart it with `make stack-up`",
            migrated.stdout,
            migrated.stderr
        );
        world
    }

    /// The same with another value of a setting.
    pub(crate) fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.retain(|(known, _)| known != key);
        self.settings.push((key.to_owned(), value.to_string()));
        self
    }

    /// The value of a setting.
    pub(crate) fn get(&self, key: &str) -> &str {
        let found = self.settings.iter().find(|(known, _)| known == key);
        &found.unwrap_or_else(|| panic!("{key}")).1
    }

    /// The settings as flags of a program, which refuses those of sections that it has not.
    pub(crate) fn flags(&self, program: &str) -> Vec<String> {
        let known = self.settings.iter().filter(|(key, _)| {
            let section = key.split('.').next().unwrap_or_default();
            match section {
                "elastic" => program != "reaction-write",
                "sweeper" | "projector" | "auditor" | "loader" => program == "projector",
                "query" => program == "search",
                "write" => program == "reaction-write",
                _ => true,
            }
        });
        known.flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]).collect()
    }

    /// Starts a service of this world.
    pub(crate) async fn start(&self, program: &str) -> Service {
        Service::start(program, self.flags(program)).await
    }

    /// What a service writes before it gives up.
    pub(crate) async fn refused(&self, program: &str) -> String {
        let (mut words, mut flags) = (vec!["migrate"], self.flags(program));
        if program != "kudosctl" {
            words.clear();
            flags.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
        }
        let ended = run(program, &words, &flags).await;
        assert_eq!(ended.status.code(), Some(78), "{}", ended.stderr);
        ended.stderr
    }

    fn engines(&self) -> Engines {
        const ENGINES: [&str; 4] = ["cassandra.", "redis.", "elastic.", "kafka."];
        let engine = |key: &str| ENGINES.iter().any(|engine| key.starts_with(engine));
        let flags = self.settings.iter().filter(|(key, _)| engine(key));
        let flags = flags.map(|(key, value)| format!("{key}={value}"));
        Sources::none().assignments("--set", flags).load().unwrap()
    }

    pub(crate) async fn cassandra(&self) -> Cassandra {
        let clock = Arc::new(SystemClock);
        let settings = self.engines().cassandra;
        Cassandra::connect(&settings, Kinds::default(), clock).await.unwrap()
    }

    pub(crate) fn redis(&self) -> Arc<RedisLive> {
        let settings = self.engines().redis;
        Arc::new(RedisLive::new(settings, Arc::default(), Arc::new(())).unwrap())
    }

    pub(crate) fn kafka(&self) -> KafkaLog {
        KafkaLog::new(&self.engines().kafka, Arc::default()).unwrap()
    }

    pub(crate) fn elastic(&self) -> Arc<Elastic> {
        let settings = self.engines().elastic;
        Arc::new(Elastic::new(&settings, Kinds::default(), Arc::new(())).unwrap())
    }
}
