//! Users with just the commands needed, and encrypted connections.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use kudos_core::PortError;
use kudos_core::ports::LiveCounts;
use kudos_redis::{CheckError, RedisLive, RedisSettings};
use kudos_runtime::config::Secret;
use kudos_testkit::Scope;
use kudos_testkit::contract::{Backend, HasLive};
use kudos_testkit::live_counts_contract;

use crate::support::{Cluster, Server, Watched, complete, open, patient, start, state, until};

const USERS: &str = include_str!("../../../../deploy/redis/users.acl");

/// The deployed users with a password, and the default user still there for redis-cli.
fn users() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("there is room for a file");
    let lines = USERS.lines().filter(|line| !line.starts_with("user default"));
    let lines: Vec<_> = lines.map(|line| format!("{line} >secret\n")).collect();
    let all = format!("user default on nopass ~* &* +@all\n{}", lines.concat());
    std::fs::write(file.path(), all).expect("the file can be written");
    file
}

fn acl() -> String {
    let path = users().into_temp_path().keep().expect("the file stays");
    path.to_string_lossy().into_owned()
}

static SERVER: LazyLock<Server> = LazyLock::new(|| start(&["--aclfile", &acl()]));
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(0, &["--aclfile", &acl()]));

fn user(name: &str, settings: RedisSettings) -> RedisSettings {
    RedisSettings { username: name.to_owned(), password: Secret::new("secret"), ..settings }
}

struct Writer(Arc<RedisLive>);

impl Backend for Writer {
    const SHARED: bool = true;

    async fn open() -> Self {
        let admin = open(user("kudos-admin", CLUSTER.settings()));
        admin.migrate().await.expect("the admin may load the library");
        Self(Arc::new(complete(user("kudos-writer", CLUSTER.settings())).await))
    }
}

impl HasLive for Writer {
    fn live(&self) -> Arc<dyn LiveCounts> {
        self.0.clone()
    }
}

mod the_writer_on_a_cluster {
    kudos_testkit::live_counts_contract!(super::Writer);
}

/// Without the library, so that everything is a script.
struct Scripting(Arc<RedisLive>);

impl Backend for Scripting {
    const SHARED: bool = true;

    async fn open() -> Self {
        Self(Arc::new(complete(user("kudos-writer", SERVER.settings())).await))
    }
}

impl HasLive for Scripting {
    fn live(&self) -> Arc<dyn LiveCounts> {
        self.0.clone()
    }
}

mod the_writer_without_the_library {
    use super::*;
    live_counts_contract!(Scripting);
}

#[tokio::test]
async fn the_reader_reads_and_cannot_write() {
    for settings in [SERVER.settings(), CLUSTER.settings()] {
        let post = Scope::new().post("p");
        let writer = complete(user("kudos-writer", settings.clone())).await;
        writer.merge(&[state(&post, 1)]).await.expect("the writer writes");
        writer.check().await.expect("the writer may check");
        let reader = open(user("kudos-reader", settings));
        reader.check().await.expect("the reader may check");
        assert_eq!(
            reader.states(std::slice::from_ref(&post)).await,
            Ok(vec![Some(state(&post, 1))])
        );
        let top = reader.top(None, 10_000).await.expect("the reader reads");
        assert!(top.iter().any(|rank| rank.post == post));
        assert!(reader.recent(None, None, 1).await.is_ok());
        let written = reader.merge(&[state(&post, 2)]).await;
        assert!(
            matches!(&written, Err(PortError::Unavailable(why)) if why.contains("NOPERM")),
            "{written:?}"
        );
        let refused = reader.migrate().await;
        let missing = matches!(&refused, Err(CheckError::Permission { .. }));
        // Where the library is there already, nothing has to be loaded.
        assert!(missing || refused.is_ok(), "{refused:?}");
    }
}

#[tokio::test]
async fn the_writer_may_watch_every_node() {
    // One node is named; the others are found, which takes a command of its own.
    let mut settings = user("kudos-writer", CLUSTER.settings());
    settings.nodes.truncate(1);
    let watched = Watched::start(&settings);
    until("all are up", Duration::from_secs(20), async || {
        let up = |node: &Server| watched.value("redis_up", &node.address(), &[]) == Some(1.0);
        CLUSTER.nodes.iter().all(up)
    })
    .await;
    let node = CLUSTER.nodes[2].address();
    assert_eq!(watched.value("redis_cluster_slots_ok", &node, &[]), Some(16_384.0));
    assert!(watched.value("redis_memory_used_bytes", &node, &[]) > Some(0.0));
}

#[tokio::test]
async fn nobody_gets_in_before_a_password_is_set() {
    let file = tempfile::NamedTempFile::new().expect("there is room for a file");
    let with_default = format!("{USERS}\nuser default on nopass ~* &* +@all\n");
    let lines: Vec<_> = with_default.lines().filter(|l| *l != "user default off").collect();
    std::fs::write(file.path(), lines.join("\n") + "\n").expect("the file can be written");
    let server = start(&["--aclfile", &file.path().to_string_lossy()]);
    for name in ["kudos-writer", "kudos-reader", "kudos-admin", "kudos-replica"] {
        let refused = open(user(name, server.settings())).check().await;
        assert!(matches!(refused, Err(CheckError::Login { .. })), "{name}: {refused:?}");
    }
}

fn openssl(directory: &Path, arguments: &str) {
    let made = Command::new("openssl").current_dir(directory).args(arguments.split(' ')).output();
    let made = made.expect("openssl is installed: `apt-get install openssl`");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[tokio::test]
async fn connections_are_encrypted_and_certificates_checked_both_ways() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let at = |name: &str| directory.path().join(name);
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for ca in ["ca", "other"] {
        let files = format!("-keyout {ca}.key -out {ca}.crt -subj /CN={ca} -days 2");
        openssl(directory.path(), &format!("req -x509 {key} {files}"));
    }
    std::fs::write(at("san"), "subjectAltName=IP:127.0.0.1\n").expect("the file can be written");
    openssl(directory.path(), &format!("req {key} -keyout node.key -out node.csr -subj /CN=node"));
    let signed = "-CA ca.crt -CAkey ca.key -CAcreateserial -extfile san -days 2";
    openssl(directory.path(), &format!("x509 -req -in node.csr -out node.crt {signed}"));

    let path = |name: &str| at(name).to_string_lossy().into_owned();
    let (ca, cert, node_key) = (path("ca.crt"), path("node.crt"), path("node.key"));
    let files = ["--tls-ca-cert-file", &ca, "--tls-cert-file", &cert, "--tls-key-file", &node_key];
    let server = start(&[]);
    let port = (server.port + 10_000).to_string();
    // Its plain port stays, for redis-cli.
    for (name, value) in [(0, 1), (2, 3), (4, 5)].map(|(a, b)| (&files[a][2..], files[b])) {
        crate::support::cli(server.port, &["CONFIG", "SET", name, value]);
    }
    crate::support::cli(server.port, &["CONFIG", "SET", "tls-port", &port]);
    let settings = patient(RedisSettings {
        nodes: vec![format!("127.0.0.1:{port}")],
        tls: true,
        tls_ca: Some(at("ca.crt")),
        tls_cert: Some(at("node.crt")),
        tls_key: Some(at("node.key")),
        ..RedisSettings::default()
    });
    let live = complete(settings.clone()).await;
    let post = Scope::new().post("p");
    live.merge(&[state(&post, 1)]).await.expect("Redis takes it");
    assert_eq!(live.states(std::slice::from_ref(&post)).await, Ok(vec![Some(state(&post, 1))]));
    live.check().await.expect("all is well");

    let other = RedisSettings { tls_ca: Some(at("other.crt")), ..settings.clone() };
    let refused = open(other).check().await;
    assert!(matches!(&refused, Err(CheckError::Unreachable(_))), "{refused:?}");
    let nameless = RedisSettings { tls_cert: None, tls_key: None, ..settings };
    let refused = open(nameless).check().await;
    assert!(refused.is_err(), "the server wants a certificate");
}
