use kudos_core::ports::EventLog;
use kudos_kafka::{KafkaFault, KafkaLog, KafkaSettings, Security, check, migrate_topics};
use kudos_runtime::config::Secret;
use kudos_testkit::Scope;

use crate::broker::{change, kinds};
use crate::private::PrivateBroker;

async fn fault(settings: &KafkaSettings) -> KafkaFault {
    check(settings).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_a_password_are_needed_and_what_is_wrong_is_told() {
    let broker = PrivateBroker::start().await;
    let secure = broker.secure();
    migrate_topics(&secure).await.unwrap();
    let (log, scope) = (KafkaLog::new(&secure, kinds()).unwrap(), Scope::new());
    log.publish(&change(&scope, "p", 1)).await.unwrap();
    let read = log.read(&log.beginning().await.unwrap(), 10).await.unwrap();
    assert_eq!(read.changes, [change(&scope, "p", 1)]);

    let wrong = KafkaSettings { password: Secret::new("guessed"), ..secure.clone() };
    let told = fault(&wrong).await;
    assert!(matches!(told, KafkaFault::Authentication(_)), "{told}");
    assert!(told.to_string().contains("kafka.password"), "{told}");
    assert!(!told.to_string().contains("guessed"), "{told}");

    let stranger = KafkaSettings { ca_file: None, ..secure.clone() };
    let told = fault(&stranger).await;
    assert!(matches!(told, KafkaFault::Tls(_)), "{told}");
    assert!(told.to_string().contains("kafka.ca_file"), "{told}");

    let bare = KafkaSettings { security: Security::Plaintext, ..secure };
    let told = fault(&bare).await;
    assert!(matches!(told, KafkaFault::Unreachable { .. }), "{told}");
    assert!(told.to_string().contains("kafka.security"), "{told}");
}
