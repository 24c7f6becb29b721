use kudos_kafka::{
    Difference, KafkaFault, KafkaSettings, TopicOutcome, check, inspect_topics, migrate_topics,
};
use kudos_testkit::Scope;

use crate::broker::{Topics, settings};

fn outcomes(reports: Vec<kudos_kafka::TopicReport>) -> Vec<TopicOutcome> {
    reports.into_iter().map(|report| report.outcome).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_twice_changes_nothing() {
    let settings = settings(&Scope::new());
    let missing = inspect_topics(&settings).await.unwrap();
    assert_eq!(outcomes(missing), [TopicOutcome::Missing, TopicOutcome::Missing]);
    let made = migrate_topics(&settings).await.unwrap();
    let topics = Topics(settings);
    assert_eq!(outcomes(made), [TopicOutcome::Created, TopicOutcome::Created]);
    let again = migrate_topics(&topics.0).await.unwrap();
    assert_eq!(outcomes(again), [TopicOutcome::Current, TopicOutcome::Current]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_number_of_partitions_is_told_and_not_changed() {
    let topics = Topics::create().await;
    let wishes = KafkaSettings { partitions: 6, ..topics.0.clone() };
    let difference =
        Difference { setting: "partitions".into(), is: "4".into(), wanted: "6".into() };
    let reports = migrate_topics(&wishes).await.unwrap();
    assert_eq!(reports[0].outcome, TopicOutcome::Differs(vec![difference]));
    let reports = inspect_topics(&topics.0).await.unwrap();
    assert_eq!(reports[0].outcome, TopicOutcome::Current);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_told_with_its_setting() {
    let fault = check(&settings(&Scope::new())).await.unwrap_err();
    assert!(matches!(fault, KafkaFault::NoTopic { setting: "kafka.topic", .. }), "{fault}");
    assert!(fault.to_string().contains("kudosctl migrate"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_for_a_missing_topic_is_not_taken_for_delivered() {
    use crate::broker::{change, kinds};
    use kudos_core::ports::EventLog;
    let scope = Scope::new();
    let settings = KafkaSettings { delivery_ms: 1_000, ..settings(&scope) };
    let log = kudos_kafka::KafkaLog::new(&settings, kinds()).unwrap();
    let error = log.publish(&change(&scope, "p", 1)).await.unwrap_err();
    assert!(error.to_string().contains("kudosctl migrate"), "{error}");
    assert!(log.head().await.is_err());
}
