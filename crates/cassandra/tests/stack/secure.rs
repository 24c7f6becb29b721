//! TLS in both directions, and passwords.

use std::fs;

use kudos_cassandra::{Cassandra, CassandraSettings, ConnectError, TlsSettings};
use kudos_core::ports::ReactionStore;
use kudos_core::{Kinds, Operation, SystemClock};
use kudos_runtime::config::Secret;
use kudos_testkit::Scope;

use crate::private::PrivateNode;

async fn refused(settings: &CassandraSettings) -> ConnectError {
    let connected =
        Cassandra::connect(settings, Kinds::default(), std::sync::Arc::new(SystemClock)).await;
    connected.err().expect("it connected")
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_a_password_are_needed_and_what_is_wrong_is_told() {
    let node = PrivateNode::start().await;
    let secure = node.secure();
    let clock = std::sync::Arc::new(SystemClock);
    let connected = Cassandra::connect(&secure, Kinds::default(), clock).await.unwrap();
    let (scope, kinds) = (Scope::new(), Kinds::default());
    let like = kinds.find("like");
    let op = Operation::unkeyed(scope.post("p"), scope.user("u"), like, kudos_core::Millis(1));
    assert!(connected.store.apply(op).await.unwrap().outcome.changed);

    let wrong = CassandraSettings { password: Some(Secret::new("guessed")), ..secure.clone() };
    let told = refused(&wrong).await;
    assert!(matches!(told, ConnectError::Login(_)), "{told}");
    assert!(!told.to_string().contains("guessed"), "{told}");

    let nobody = CassandraSettings { username: None, password: None, ..secure.clone() };
    let told = refused(&nobody).await;
    assert!(matches!(told, ConnectError::LoginNeeded), "{told}");

    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    fs::write(node.path("other.pem"), other.cert.pem()).unwrap();
    let ca_file = Some(node.path("other.pem"));
    let tls = TlsSettings { ca_file, ..secure.tls.clone() };
    let told = refused(&CassandraSettings { tls, ..secure.clone() }).await;
    assert!(matches!(told, ConnectError::Handshake { .. }), "{told}");
    assert!(told.to_string().contains("cassandra.tls.ca_file"), "{told}");

    let tls = TlsSettings { cert_file: None, key_file: None, ..secure.tls.clone() };
    let told = refused(&CassandraSettings { tls, ..secure.clone() }).await;
    assert!(told.to_string().contains("cassandra.tls"), "{told}");

    let bare = CassandraSettings { tls: TlsSettings::default(), ..secure };
    let told = refused(&bare).await;
    assert!(matches!(told, ConnectError::Unreachable { .. }), "{told}");
    assert!(told.to_string().contains("cassandra.tls"), "{told}");
}
