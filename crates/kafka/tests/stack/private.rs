//! A broker of a test's own, with TLS and passwords, to be killed and started again.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kudos_kafka::{KafkaSettings, SaslMechanism, Security, check};
use kudos_runtime::config::Secret;
use kudos_testkit::Scope;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::broker::{eventually, settings};

pub(crate) const USER: &str = "kudos";
pub(crate) const PASSWORD: &str = "open sesame";

/// A JVM each would be too much at the same time.
static ONE: Mutex<()> = Mutex::const_new(());

pub(crate) struct PrivateBroker {
    folder: TempDir,
    /// Of the listeners: with TLS and passwords, without, and of the controller.
    ports: [u16; 3],
    process: Option<Child>,
    _only: MutexGuard<'static, ()>,
}

impl PrivateBroker {
    pub(crate) async fn start() -> Self {
        let only = ONE.lock().await;
        let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = sockets.map(|socket| socket.local_addr().unwrap().port());
        let folder = tempfile::tempdir().unwrap();
        let mut broker = Self { folder, ports, process: None, _only: only };
        broker.certify();
        fs::write(broker.path("server.properties"), broker.properties()).unwrap();
        let scram = format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]");
        let format = ["format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "--add-scram", &scram, "-c"];
        let mut command = broker.java("kafka.tools.StorageTool");
        let formatted = command.args(format).arg(broker.path("server.properties")).status();
        assert!(formatted.unwrap().success());
        broker.launch();
        eventually("the broker answers", async || {
            let answer = check(&broker.plain()).await;
            !matches!(answer, Err(kudos_kafka::KafkaFault::Unreachable { .. }))
        })
        .await;
        broker
    }

    pub(crate) fn launch(&mut self) {
        let properties = self.path("server.properties");
        self.process = Some(self.java("kafka.Kafka").arg(properties).spawn().unwrap());
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn java(&self, class: &str) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"])
            .arg(jars().join("*"))
            .arg(class)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        java
    }

    fn certify(&self) {
        let names = vec!["127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        fs::write(self.ca(), cert.pem()).unwrap();
        let both = format!("{}{}", signing_key.serialize_pem(), cert.pem());
        fs::write(self.path("server.pem"), both).unwrap();
    }

    fn properties(&self) -> String {
        let shared = fs::read_to_string(repository().join("deploy/kafka/server.properties"));
        let [tls, plain, controller] = self.ports;
        // What comes later wins.
        format!(
            "{}
            listener.security.protocol.map=INTERNAL:PLAINTEXT,TLS:SASL_SSL,CONTROLLER:PLAINTEXT
            listeners=TLS://127.0.0.1:{tls},INTERNAL://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller}
            advertised.listeners=TLS://127.0.0.1:{tls},INTERNAL://127.0.0.1:{plain}
            controller.quorum.voters=1@127.0.0.1:{controller}
            log.dirs={}
            sasl.enabled.mechanisms=SCRAM-SHA-512
            listener.name.tls.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
            ssl.keystore.type=PEM
            ssl.keystore.location={}\n",
            shared.unwrap(),
            self.path("data").display(),
            self.path("server.pem").display(),
        )
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Without TLS and passwords.
    pub(crate) fn plain(&self) -> KafkaSettings {
        let brokers = vec![format!("127.0.0.1:{}", self.ports[1])];
        KafkaSettings { brokers, ..settings(&Scope::new()) }
    }

    /// With both.
    pub(crate) fn secure(&self) -> KafkaSettings {
        KafkaSettings {
            brokers: vec![format!("127.0.0.1:{}", self.ports[0])],
            security: Security::SaslSsl,
            ca_file: Some(self.ca()),
            sasl_mechanism: SaslMechanism::ScramSha512,
            username: USER.into(),
            password: Secret::new(PASSWORD),
            ..settings(&Scope::new())
        }
    }
}

impl Drop for PrivateBroker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// What the stack was started from.
fn jars() -> PathBuf {
    let home = std::env::var("KUDOS_STACK_HOME").map(PathBuf::from);
    let homes = [Ok(repository().join(".tools/stack")), home.map(|home| home.join("jars"))];
    let versions = homes.into_iter().flatten().filter_map(|home| fs::read_dir(home).ok()).flatten();
    let kafka = versions.flatten().map(|entry| entry.path().join("lib")).find(|lib| {
        lib.parent().is_some_and(|home| home.to_string_lossy().contains("/kafka-")) && lib.exists()
    });
    kafka.expect("Kafka's jars are where the stack keeps them: start it with `make stack-up`")
}
