//! The broker of the stack, and topics of a test's own on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kudos_core::ports::EventLog;
use kudos_core::{Change, Counts, Kinds, Millis, PostState, UserChange, Version};
use kudos_kafka::{KafkaLog, KafkaSettings, check, migrate_topics};
use kudos_testkit::Scope;
use kudos_testkit::scope::{LIKE, NOW};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};

/// Where the broker is.
pub(crate) fn brokers() -> Vec<String> {
    let address = std::env::var("KUDOS_STACK_KAFKA").unwrap_or("127.0.0.1:9092".into());
    address.split(',').map(str::to_owned).collect()
}

pub(crate) fn kinds() -> Arc<Kinds> {
    Arc::new(Kinds::default())
}

/// Settings of a namespace: topics and a group of its own.
pub(crate) fn settings(scope: &Scope) -> KafkaSettings {
    KafkaSettings {
        brokers: brokers(),
        topic: scope.to_string(),
        dead_topic: format!("{scope}.dead"),
        group: scope.to_string(),
        partitions: 4,
        session_ms: 6_000,
        ..KafkaSettings::default()
    }
}

pub(crate) fn client(settings: &KafkaSettings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", settings.brokers.join(","));
    config
}

fn admin(settings: &KafkaSettings) -> AdminClient<DefaultClientContext> {
    client(settings).create().unwrap()
}

/// Topics that are deleted when the test is over.
pub(crate) struct Topics(pub(crate) KafkaSettings);

impl Topics {
    pub(crate) async fn create() -> Self {
        Self::with(settings(&Scope::new())).await
    }

    pub(crate) async fn with(settings: KafkaSettings) -> Self {
        let made = migrate_topics(&settings).await;
        made.unwrap_or_else(|fault| panic!("{fault}: start it with `make stack-up`"));
        check(&settings).await.unwrap();
        Self(settings)
    }

    pub(crate) fn log(&self) -> KafkaLog {
        KafkaLog::new(&self.0, kinds()).unwrap()
    }

    /// Puts bytes into a partition, whatever they are, and tells their offset.
    pub(crate) async fn put(&self, partition: i32, body: &[u8]) -> u64 {
        let producer: FutureProducer = client(&self.0).create().unwrap();
        let record = FutureRecord::to(&self.0.topic).partition(partition).key("k").payload(body);
        let sent = producer.send(record, Duration::from_secs(5)).await.unwrap();
        u64::try_from(sent.offset).unwrap()
    }

    /// Deletes the records before these offsets.
    pub(crate) async fn trim(&self, offsets: &[u64]) {
        let mut list = rdkafka::TopicPartitionList::new();
        for (partition, &offset) in (0..).zip(offsets) {
            let offset = rdkafka::Offset::Offset(i64::try_from(offset).unwrap());
            list.add_partition_offset(&self.0.topic, partition, offset).unwrap();
        }
        admin(&self.0).delete_records(&list, &AdminOptions::new()).await.unwrap();
    }
}

impl Drop for Topics {
    fn drop(&mut self) {
        let settings = self.0.clone();
        // The runtime of the test may be ending.
        let deleted = std::thread::spawn(move || {
            let names = [settings.topic.as_str(), settings.dead_topic.as_str()];
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let deleted = admin(&settings).delete_topics(&names, &AdminOptions::new());
            let _ = runtime.block_on(deleted);
        });
        let _ = deleted.join();
    }
}

/// The change of a post to a version: its users and likes are as many.
pub(crate) fn change(scope: &Scope, post: &str, version: u64) -> Change {
    let state = PostState {
        post: scope.post(post),
        created_at: NOW,
        version: Version(version),
        counts: Counts::from_iter([version]),
        as_of: Millis(NOW.0 + version),
    };
    let user = scope.user(version);
    Change { state, users: vec![UserChange { user, from: None, to: Some(LIKE) }] }
}

/// Publishes versions 1 to `versions` of `posts` posts, all at the same time.
pub(crate) async fn publish(log: &KafkaLog, scope: &Scope, posts: usize, versions: u64) {
    for version in 1..=versions {
        let names: Vec<String> = (0..posts).map(|post| post.to_string()).collect();
        let changes: Vec<Change> = names.iter().map(|post| change(scope, post, version)).collect();
        let published = changes.iter().map(|change| log.publish(change));
        for published in futures::future::join_all(published).await {
            published.unwrap();
        }
    }
}

/// Polls until it holds, for 60 s at most.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
