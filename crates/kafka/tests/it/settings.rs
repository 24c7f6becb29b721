use kudos_kafka::{KafkaSettings, SaslMechanism, Security};
use kudos_runtime::config::Secret;

fn refused(edit: impl FnOnce(&mut KafkaSettings)) -> String {
    let mut settings = KafkaSettings::default();
    edit(&mut settings);
    settings.validate().unwrap_err().key
}

#[test]
fn the_defaults_are_valid() {
    assert_eq!(KafkaSettings::default().validate(), Ok(()));
}

#[test]
fn what_cannot_work_is_refused_by_its_key() {
    assert_eq!(refused(|s| s.brokers.clear()), "kafka.brokers");
    assert_eq!(refused(|s| s.dead_topic = s.topic.clone()), "kafka.topic");
    assert_eq!(refused(|s| s.partitions = 0), "kafka.partitions");
    assert_eq!(refused(|s| s.partitions = 257), "kafka.partitions");
    assert_eq!(refused(|s| s.security = Security::SaslSsl), "kafka.username");
    assert_eq!(refused(|s| s.cert_file = Some("c.pem".into())), "kafka.key_file");
    assert_eq!(refused(|s| s.delivery_ms = 1), "kafka.delivery_ms");
}

#[test]
fn a_password_is_not_sent_in_the_clear() {
    let key = refused(|s| {
        s.security = Security::SaslPlaintext;
        s.sasl_mechanism = SaslMechanism::Plain;
        (s.username, s.password) = ("u".into(), Secret::new("hunter2"));
    });
    assert_eq!(key, "kafka.sasl_mechanism");
}

#[test]
fn a_password_is_never_shown() {
    let password = Secret::new("hunter2");
    let settings = KafkaSettings { password, ..KafkaSettings::default() };
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert!(!serde_json::to_string(&settings).unwrap().contains("hunter2"));
}
