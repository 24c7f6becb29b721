//! What a wrong start says, and migrations.

use std::sync::Arc;

use kudos_cassandra::{Cassandra, CassandraSettings, ConnectError, MigrateError, migrate};
use kudos_core::{Kinds, SystemClock};
use scylla::client::session::Session;

use crate::server;

const SCHEMA: &str = "kudos_test_schema";

async fn refused(settings: &CassandraSettings, kinds: Kinds) -> ConnectError {
    let connected = Cassandra::connect(settings, kinds, Arc::new(SystemClock)).await;
    match connected {
        Ok(_) => panic!("it connected"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_missing_keyspace_is_named_with_what_to_do() {
    let mut settings = server::settings("kudos_test_nowhere");
    settings.buckets = 1;
    let error = refused(&settings, Kinds::default()).await;
    assert!(matches!(&error, ConnectError::NoKeyspace(name) if name == "kudos_test_nowhere"));
    assert!(error.to_string().contains("kudosctl migrate"));
}

#[tokio::test]
async fn nodes_that_do_not_answer_are_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let settings = CassandraSettings {
        contact_points: vec![address.clone()],
        ..server::settings(server::KEYSPACE)
    };
    let error = refused(&settings, Kinds::default()).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("cassandra.contact_points") && text.contains(&address), "{text}");
}

#[tokio::test]
async fn another_number_of_buckets_is_refused() {
    server::connect().await;
    let settings = CassandraSettings { buckets: 8, ..server::settings(server::KEYSPACE) };
    let error = refused(&settings, Kinds::default()).await;
    assert!(matches!(error, ConnectError::Buckets { configured: 8, .. }), "{error}");
    assert!(error.to_string().contains("cassandra.buckets = 1"), "{error}");
}

#[tokio::test]
async fn other_kinds_are_refused() {
    server::connect().await;
    let kinds = Kinds::new(["love", "like"]).unwrap();
    let error = refused(&server::settings(server::KEYSPACE), kinds).await;
    assert!(matches!(error, ConnectError::Kinds { .. }), "{error}");
}

async fn forget(session: &Session, version: i32) {
    let delete = "DELETE FROM schema_migrations WHERE part = 0 AND version = ?";
    session.query_unpaged(delete, (version,)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_are_applied_once_and_another_schema_is_refused() {
    let settings = server::settings(SCHEMA);
    migrate(&settings).await.unwrap();
    let again = migrate(&settings).await.unwrap();
    assert_eq!((again.applied.as_slice(), again.version), (&[][..], 3));
    let session = server::raw(SCHEMA).await;

    forget(&session, 3).await;
    let error = refused(&settings, Kinds::default()).await;
    assert!(matches!(error, ConnectError::SchemaOlder { found: 2, needed: 3, .. }), "{error}");
    assert!(error.to_string().contains("kudosctl migrate"));
    let (one, two) = tokio::join!(migrate(&settings), migrate(&settings));
    let applied = [one.unwrap().applied, two.unwrap().applied].concat();
    assert_eq!(applied, ["0003_outage_journal"], "one of two at once applies it");

    let insert = "INSERT INTO schema_migrations (part, version, checksum) VALUES (0, ?, ?)";
    session.query_unpaged(insert, (99, "future")).await.unwrap();
    let error = refused(&settings, Kinds::default()).await;
    assert!(matches!(error, ConnectError::SchemaNewer { found: 99, .. }), "{error}");
    let newer = migrate(&settings).await;
    assert!(matches!(newer, Err(MigrateError::Connect(ConnectError::SchemaNewer { .. }))));
    forget(&session, 99).await;

    session.query_unpaged(insert, (3, "edited")).await.unwrap();
    let edited = migrate(&settings).await;
    assert!(matches!(edited, Err(MigrateError::Edited { name: "0003_outage_journal", .. })));
    forget(&session, 3).await;
    migrate(&settings).await.unwrap();
}
