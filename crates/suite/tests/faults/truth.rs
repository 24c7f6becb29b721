//! Nodes of Cassandra die and hang, and what is written comes late, or nobody hears that it came.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kudos_testkit::checker::Workload;
use reqwest::Method;
use tokio::time::sleep;

use crate::cql::{self, Faults};
use crate::nodes::{Broken, Up, address_of, all_of};
use crate::report::Row;
use crate::rig::{MINUTE, Odd, Rig};
use crate::support::{CONDITIONAL_WRITES, Launch};

const CASSANDRA: Up = &["up", "cassandra"];

/// One of three is broken for a while.
async fn one_of_three(number: u8, fault: &'static str, signal: &'static str) {
    let nodes = all_of("cassandra");
    assert_eq!(nodes.len(), 3, "start three: KUDOS_FAULTS_PROFILE=full");
    let (rig, mut row) = (Rig::open().await, Row::new(number, fault));
    rig.during(&mut row, 2 * MINUTE, async {
        sleep(Duration::from_secs(5)).await;
        let broken = Broken::by(signal, vec![nodes[2].clone()], CASSANDRA).await;
        sleep(Duration::from_secs(30)).await;
        broken.mend().await;
    })
    .await;
    row.share("writes", 0.99, &rig.figures().writes);
    row.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn row_13_one_cassandra_node_is_killed() {
    one_of_three(13, "one of three Cassandra nodes killed for 30 s", "KILL").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_14_one_cassandra_node_is_stopped() {
    one_of_three(14, "one of three Cassandra nodes stopped for 30 s", "STOP").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_15_a_majority_of_cassandra_is_stopped() {
    let mut nodes = all_of("cassandra");
    let fault = match nodes.len() {
        1 => "the only Cassandra node stopped for 15 s",
        _ => "two of three Cassandra nodes stopped for 15 s",
    };
    let rig = Rig::open().await;
    let mut row = Row::new(15, fault);
    let (refused, asked) = (Mutex::new(0), 20);
    rig.during(&mut row, 2 * MINUTE, async {
        sleep(Duration::from_secs(5)).await;
        if nodes.len() > 1 {
            nodes.remove(0);
        }
        let broken = Broken::by("STOP", nodes, CASSANDRA).await;
        let path = format!("/v1/posts/{}/reactions/@me", rig.workload.post(0));
        for n in 0..asked {
            let user = format!("{}-refused-{n}", rig.workload.prefix);
            let api = rig.writers[n % 2].api().expect("it runs");
            let request = api.request(Method::DELETE, &path);
            let answer = request.header("x-user-id", user).send().await.expect("an answer");
            let says_when = answer.headers().contains_key("retry-after");
            *refused.lock().unwrap() += usize::from(answer.status() == 503 && says_when);
            sleep(Duration::from_millis(500)).await;
        }
        broken.mend().await;
    })
    .await;
    let refused = refused.into_inner().unwrap();
    row.must(&format!("503 with Retry-After: {asked} of {asked}"), refused, refused == asked);
    row.within("slowest write", Duration::from_secs(2), rig.figures().writes.latency.max);
    row.end();
}

/// Two writers all of whose requests to one node pass the faults.
async fn behind(faults: &Arc<Faults>, node: &str) -> Rig {
    let address = cql::in_front_of(node, Arc::clone(faults)).await;
    let odd = || Odd {
        settings: vec![
            ("cassandra.contact_points", format!("[{address:?}]")),
            ("cassandra.request_timeout", "400ms".to_owned()),
        ],
        ..Odd::default()
    };
    Rig::with([odd(), odd()], Workload::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn row_16_replies_to_conditional_writes_are_lost() {
    let faults = Arc::new(Faults::default());
    let mut rig = behind(&faults, &address_of("cassandra-1")).await;
    // Every fifth one waits for as long as a writer waits for the truth.
    rig.callers = 32;
    let mut row = Row::new(16, "20 % of the replies to conditional writes lost");
    faults.lose_reply_of_every.store(5, Ordering::Relaxed);
    rig.during(&mut row, MINUTE, async {}).await;
    let lost = faults.lost.load(Ordering::Relaxed);
    row.must("replies lost", lost, lost > 0);
    row.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn row_17_a_conditional_write_is_held() {
    let faults = Arc::new(Faults::default());
    let rig = behind(&faults, &address_of("cassandra-1")).await;
    let mut row = Row::new(17, "a conditional write held for 15 s, three times");
    rig.during(&mut row, MINUTE, async {
        for _ in 0..3 {
            faults.hold_next();
            faults.held.notified().await;
            sleep(Duration::from_secs(15)).await;
            faults.release.notify_one();
            faults.answered.notified().await;
        }
    })
    .await;
    row.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn row_24_everybody_likes_one_post_and_clocks_are_wrong() {
    let odd = |clock| Odd {
        launch: Launch { clock: Some(clock), ..Launch::default() },
        ..Odd::default()
    };
    let workload = Workload { posts: 1, users: 5_000, ..Workload::default() };
    let rig = Rig::with([odd(5), odd(-5)], workload).await;
    let mut row = Row::new(24, "5,000 users on one post, writers' clocks ±5 s apart");
    rig.during(&mut row, MINUTE, async {}).await;
    let (mut sent, mut applied) = (0.0, 0.0);
    for writer in &rig.writers {
        let api = writer.api().expect("it runs");
        sent += api.counter(CONDITIONAL_WRITES, "outcome=").await;
        applied += api.counter(CONDITIONAL_WRITES, "outcome=\"applied\"").await;
    }
    let each = sent / applied;
    row.must("conditional writes a commit ≤ 2", format!("{each:.2}"), each <= 2.0);
    rig.went_on(row);
}
