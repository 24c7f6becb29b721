//! The server that all tests share, and keyspaces that are theirs alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kudos_cassandra::{Cassandra, CassandraSettings, TlsSettings, migrate};
use kudos_core::{Clock, Kinds, SystemClock};
use kudos_runtime::config::Secret;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;

pub(crate) const KEYSPACE: &str = "kudos_test";
pub(crate) const BUCKETED: &str = "kudos_test_buckets";
pub(crate) const BUCKETS: u8 = 4;

/// Nodes of the stack.
pub(crate) fn nodes() -> Vec<String> {
    let nodes = std::env::var("KUDOS_STACK_CASSANDRA");
    let nodes = nodes.unwrap_or_else(|_| "127.0.0.1:9042".to_owned());
    nodes.split(',').map(str::to_owned).collect()
}

/// How to log in, if the cluster asks: `KUDOS_STACK_CASSANDRA_LOGIN=user:password`.
fn login() -> Option<(String, String)> {
    let login = std::env::var("KUDOS_STACK_CASSANDRA_LOGIN").ok()?;
    login.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

/// With `KUDOS_STACK_CASSANDRA_CA`, a file of certificates, connections are encrypted.
fn tls() -> TlsSettings {
    let ca_file = std::env::var_os("KUDOS_STACK_CASSANDRA_CA").map(PathBuf::from);
    TlsSettings { enabled: ca_file.is_some(), ca_file, ..TlsSettings::default() }
}

/// The settings of a keyspace that no other tests use.
pub(crate) fn settings(keyspace: &str) -> CassandraSettings {
    let nodes = nodes();
    let copies = if nodes.len() < 3 { 1 } else { 3 };
    CassandraSettings {
        contact_points: nodes,
        keyspace: keyspace.to_owned(),
        replication: BTreeMap::from([("datacenter1".to_owned(), copies)]),
        username: login().map(|(user, _)| user),
        password: login().map(|(_, password)| Secret::new(password)),
        tls: tls(),
        // Here three nodes may share two cores, and nodes that have just started are slow. What
        // time-outs do is tested by those who set them.
        request_timeout: Duration::from_secs(10),
        commit_timeout: Duration::from_secs(20),
        buckets: if keyspace == BUCKETED { BUCKETS } else { 1 },
        ..CassandraSettings::default()
    }
}

/// A session with the keyspace of the tests.
pub(crate) async fn connect() -> Cassandra {
    connect_to(&settings(KEYSPACE)).await
}

pub(crate) async fn connect_to(settings: &CassandraSettings) -> Cassandra {
    connect_at(settings, Arc::new(SystemClock)).await
}

pub(crate) async fn connect_at(settings: &CassandraSettings, clock: Arc<dyn Clock>) -> Cassandra {
    ready();
    let connected = Cassandra::connect(settings, Kinds::default(), clock).await;
    connected.unwrap_or_else(|error| panic!("{error}\nstart it with `make stack-up`"))
}

/// A session of the driver's own.
pub(crate) async fn raw(keyspace: &str) -> Session {
    ready();
    let session = bare().await;
    session.use_keyspace(keyspace, false).await.unwrap();
    session
}

async fn bare() -> Session {
    let mut builder = SessionBuilder::new().known_nodes(nodes());
    if let Some((user, password)) = login() {
        builder = builder.user(user, password);
    }
    builder.build().await.unwrap()
}

/// Makes the keyspaces once a run, and empties the tables through which some checks walk whole.
fn ready() {
    static READY: OnceLock<()> = OnceLock::new();
    READY.get_or_init(|| std::thread::spawn(prepare).join().unwrap());
}

#[tokio::main(flavor = "current_thread")]
async fn prepare() {
    for keyspace in [KEYSPACE, BUCKETED] {
        let migrated = migrate(&settings(keyspace)).await;
        migrated.unwrap_or_else(|error| panic!("{error}\nstart it with `make stack-up`"));
    }
    let session = bare().await;
    for table in ["posts_by_day", "post_days", "pending", "windows", "instances"] {
        session.query_unpaged(format!("TRUNCATE {KEYSPACE}.{table}"), ()).await.unwrap();
    }
}

/// Asks again until the answer is there, for at most ten seconds.
pub(crate) async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(10), asked).await;
    answer.unwrap_or_else(|_| panic!("never: {what}"))
}
