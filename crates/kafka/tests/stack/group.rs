use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kudos_core::ports::{ChangeFeed, EventLog, Record, TimedLog};
use kudos_core::{PostId, Version};
use kudos_kafka::{KafkaFeed, KafkaSettings};
use kudos_testkit::Scope;
use rdkafka::Message;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::Headers;

use crate::broker::{Topics, client, eventually, kinds, publish, settings};

/// Tells the child process of the test below which topic it shall follow.
const CHILD: &str = "KUDOS_TEST_CHILD";

fn join(settings: &KafkaSettings) -> KafkaFeed {
    KafkaFeed::join(settings, kinds()).unwrap()
}

type Seen = BTreeMap<PostId, BTreeSet<Version>>;

/// Takes what comes and commits it, until `seen` has `versions` versions of `posts` posts.
async fn drain(feed: &KafkaFeed, seen: &mut Seen, posts: usize, versions: usize) {
    let whole = |seen: &Seen| seen.values().filter(|of| of.len() == versions).count() == posts;
    while !whole(seen) {
        let next = tokio::time::timeout(Duration::from_secs(60), feed.next(50)).await;
        let records = next.expect("records come within a minute").unwrap();
        for record in &records {
            let state = record.change.as_ref().unwrap().state.clone();
            seen.entry(state.post).or_default().insert(state.version);
        }
        feed.commit(&behind(&records)).await.unwrap();
    }
}

fn behind(records: &[Record]) -> Vec<(u32, u64)> {
    records.iter().map(|record| (record.partition, record.offset + 1)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_comes_back_goes_on_where_it_was() {
    let (topics, scope) = (Topics::create().await, Scope::new());
    let log = topics.log();
    publish(&log, &scope, 8, 5).await;
    let feed = join(&topics.0);
    drain(&feed, &mut Seen::new(), 8, 5).await;
    feed.leave(Duration::from_secs(10)).await;
    publish(&log, &scope, 8, 6).await;
    let feed = join(&topics.0);
    let mut seen = Seen::new();
    drain(&feed, &mut seen, 8, 6).await;
    let mut lag = feed.lag();
    eventually("the lag is known, and zero", async || {
        lag = feed.lag();
        lag.len() == 4 && lag.values().all(|&behind| behind == 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_committed_comes_again() {
    let (topics, scope) = (Topics::create().await, Scope::new());
    publish(&topics.log(), &scope, 1, 3).await;
    let feed = join(&topics.0);
    let mut first = Vec::new();
    while first.len() < 3 {
        first.extend(feed.next(3).await.unwrap());
    }
    feed.commit(&[(first[0].partition, first[0].offset + 1)]).await.unwrap();
    feed.leave(Duration::from_secs(10)).await;
    let feed = join(&topics.0);
    assert_eq!(feed.next(1).await.unwrap(), first[1..2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_the_partitions_and_each_record_reaches_one() {
    let (topics, scope) = (Topics::create().await, Scope::new());
    let (one, other) = (join(&topics.0), join(&topics.0));
    eventually("both have work", async || {
        let (one, other) = (one.partitions(), other.partitions());
        one.len() + other.len() == 4 && !one.is_empty() && !other.is_empty()
    })
    .await;
    let log = topics.log();
    let (mut mine, mut others) = (0, 0);
    let publishing = publish(&log, &scope, 40, 5);
    let reading = async {
        while mine + others < 200 {
            tokio::select! {
                records = one.next(10) => mine += records.unwrap().len(),
                records = other.next(10) => others += records.unwrap().len(),
            }
        }
    };
    tokio::join!(publishing, reading);
    assert_eq!(mine + others, 200);
    assert!(mine > 0 && others > 0, "{mine} and {others}");
}

/// Not a test by itself: the process that dies in the test below.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test below"]
async fn a_member_that_never_commits() {
    let Ok(names) = std::env::var(CHILD) else { return };
    let names: Vec<&str> = names.split(' ').collect();
    let settings = KafkaSettings {
        topic: names[0].into(),
        dead_topic: format!("{}.dead", names[0]),
        group: names[0].into(),
        ..settings(&Scope::new())
    };
    let feed = join(&settings);
    let mut taken = 0;
    loop {
        taken += feed.next(10).await.unwrap().len();
        std::fs::write(names[1], taken.to_string()).unwrap();
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_records_of_a_killed_member_go_to_another() {
    let (topics, scope) = (Topics::create().await, Scope::new());
    let folder = tempfile::tempdir().unwrap();
    let progress = folder.path().join("progress");
    let dies = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "group::a_member_that_never_commits", "--ignored"])
        .env(CHILD, format!("{} {}", topics.0.topic, progress.display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let dies = Killed(dies);
    publish(&topics.log(), &scope, 20, 5).await;
    eventually("the other process has taken records", async || progress.exists()).await;
    drop(dies);
    let lives = join(&topics.0);
    let mut seen = Seen::new();
    drain(&lives, &mut seen, 20, 5).await;
    assert_eq!(lives.partitions().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_understood_is_set_aside_whole_with_the_reason() {
    let topics = Topics::create().await;
    let offset = topics.put(2, b"{\"schema\":9}").await;
    let feed = join(&topics.0);
    let records = feed.next(10).await.unwrap();
    assert_eq!((records[0].partition, records[0].offset), (2, offset));
    let reason = records[0].change.clone().unwrap_err();
    assert_eq!(reason, "schema 9 is not known here, only 1");
    feed.set_aside(&records[0], &reason).await.unwrap();
    let dead: StreamConsumer = client(&topics.0)
        .set("group.id", "reader")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    dead.subscribe(&[&topics.0.dead_topic]).unwrap();
    let letter = dead.recv().await.unwrap();
    assert_eq!((letter.key(), letter.payload()), (Some(&b"k"[..]), Some(&b"{\"schema\":9}"[..])));
    let header = |name| {
        let found = letter.headers().unwrap().iter().find(|header| header.key == name).unwrap();
        str::from_utf8(found.value.unwrap()).unwrap()
    };
    assert_eq!(header("kudos_reason"), reason);
    assert_eq!(header("kudos_topic"), topics.0.topic);
    assert_eq!((header("kudos_partition"), header("kudos_offset")), ("2", "0"));
}

/// More than is read ahead: the member has to pause, and to stay in its group meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_sink_is_sick_stays_in_its_group_and_loses_nothing() {
    let (topics, scope) = (Topics::create().await, Scope::new());
    let log = topics.log();
    let feed = join(&topics.0);
    publish(&log, &scope, 100, 30).await;
    // Another member comes while nobody takes records, and gets its share.
    let other = join(&topics.0);
    eventually("the newcomer has work", async || !other.partitions().is_empty()).await;
    assert!(!feed.partitions().is_empty());
    other.leave(Duration::from_secs(10)).await;
    eventually("all is back", async || feed.partitions().len() == 4).await;
    drain(&feed, &mut Seen::new(), 100, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_can_be_read_again_from_a_time() {
    let (topics, scope) = (Topics::create().await, Scope::new());
    let log = topics.log();
    let read = async |from| log.read(&from, 1_000).await.unwrap().changes.len();
    publish(&log, &scope, 1, 5).await;
    assert_eq!(read(log.beginning().await.unwrap()).await, 5);
    assert_eq!(read(log.since(kudos_core::Millis(0)).await.unwrap()).await, 5);
    // One partition has records, the others none: none is younger than tomorrow in any.
    let tomorrow = kudos_core::Millis(u64::MAX);
    assert_eq!(log.since(tomorrow).await, log.head().await);
}
