//! A node of a test's own, with TLS, certificates of clients, and passwords: the stack's first
//! node, started once more elsewhere and with other settings.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kudos_cassandra::{CassandraSettings, TlsSettings, migrate};
use kudos_runtime::config::Secret;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

use crate::server::settings;

/// Of the role that a new cluster has.
const NAME: &str = "cassandra";

pub(crate) struct PrivateNode {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl PrivateNode {
    /// Waits until the node answers and has made its first role.
    pub(crate) async fn start() -> Self {
        let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [port, storage, jmx] = sockets.map(|socket| socket.local_addr().unwrap().port());
        let folder = tempfile::tempdir().unwrap();
        certify(folder.path());
        let stacks = Stacks::find();
        fs::write(folder.path().join("cassandra.yaml"), stacks.yaml(folder.path(), port, storage))
            .unwrap();
        let log = fs::File::create(folder.path().join("out.log")).unwrap();
        let process = stacks.java(folder.path(), jmx).stdout(log).stderr(Stdio::null()).spawn();
        let node = Self { folder, port, process: process.unwrap() };
        node.ready().await;
        node
    }

    async fn ready(&self) {
        let (settings, mut told) = (self.secure(), String::new());
        for _ in 0..240 {
            match migrate(&settings).await {
                Ok(_) => return,
                Err(error) => told = error.to_string(),
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        let log = fs::read_to_string(self.path("out.log")).unwrap_or_default();
        let end: Vec<_> = log.lines().rev().take(20).collect();
        panic!("the node does not start: {told}\n{end:#?}");
    }

    /// As the node wants it.
    pub(crate) fn secure(&self) -> CassandraSettings {
        let tls = TlsSettings {
            enabled: true,
            ca_file: Some(self.path("ca.pem")),
            cert_file: Some(self.path("ca.pem")),
            key_file: Some(self.path("key.pem")),
        };
        CassandraSettings {
            contact_points: vec![format!("127.0.0.1:{}", self.port)],
            replication: [("datacenter1".to_owned(), 1)].into(),
            username: Some(NAME.to_owned()),
            password: Some(Secret::new(NAME)),
            tls,
            ..settings("kudos_secure")
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for PrivateNode {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// One certificate for the node and for its clients, signed by itself.
fn certify(folder: &Path) {
    let names = vec!["127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    fs::write(folder.join("ca.pem"), cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    let both = format!("{}{}", signing_key.serialize_pem(), cert.pem());
    fs::write(folder.join("server.pem"), both).unwrap();
}

/// The stack's first node: how it was started, and with which settings.
struct Stacks {
    command: Vec<String>,
    yaml: String,
}

impl Stacks {
    fn find() -> Self {
        let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/local/stack");
        let ask = |what: &str| {
            let answer = Command::new(&stack).args([what, "cassandra-1"]).output().unwrap();
            assert!(
                answer.status.success(),
                "there is no cassandra-1: start it with `make stack-up`"
            );
            String::from_utf8(answer.stdout).unwrap()
        };
        let pid = ask("pid");
        let command = fs::read_to_string(format!("/proc/{}/cmdline", pid.trim())).unwrap();
        let command = command.trim_end_matches('\0').split('\0').map(str::to_owned).collect();
        Self { command, yaml: ask("show") }
    }

    fn yaml(&self, folder: &Path, port: u16, storage: u16) -> String {
        let own = |line: &str| {
            let key = line.split(':').next().unwrap_or_default();
            match key.trim() {
                "listen_address" | "rpc_address" => format!("{key}: 127.0.0.1"),
                "storage_port" => format!("{key}: {storage}"),
                "native_transport_port" => format!("{key}: {port}"),
                "- seeds" => format!("{key}: \"127.0.0.1:{storage}\""),
                "authenticator" => format!("{key}: PasswordAuthenticator"),
                "authorizer" => format!("{key}: CassandraAuthorizer"),
                _ => line.to_owned(),
            }
        };
        let mut yaml: String = self.yaml.lines().map(|line| own(line) + "\n").collect();
        let (server, ca) = (folder.join("server.pem"), folder.join("ca.pem"));
        // Writing into a string does not fail.
        let _ = write!(
            yaml,
            "client_encryption_options:\n  enabled: true\n  optional: false\n  \
             require_client_auth: true\n  ssl_context_factory:\n    class_name: \
             org.apache.cassandra.security.PEMBasedSslContextFactory\n  keystore: {}\n  \
             truststore: {}\n",
            server.display(),
            ca.display(),
        );
        yaml
    }

    fn java(&self, folder: &Path, jmx: u16) -> Command {
        let own = |argument: &String| match argument.split_once('=') {
            Some(("-Dcassandra.config", _)) => {
                format!("-Dcassandra.config=file://{}/cassandra.yaml", folder.display())
            }
            Some((
                key @ ("-Dcassandra.storagedir" | "-Dcassandra.logdir" | "-Djava.io.tmpdir"),
                _,
            )) => {
                format!("{key}={}", folder.display())
            }
            Some((key @ "-Dcassandra.jmx.local.port", _)) => format!("{key}={jmx}"),
            _ => argument.clone(),
        };
        let mut arguments = self.command.iter().map(own);
        let mut java = Command::new(arguments.next().unwrap());
        java.arg("-Dcassandra.superuser_setup_delay_ms=0").args(arguments);
        java
    }
}
