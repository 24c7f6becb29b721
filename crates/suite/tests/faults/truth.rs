//! Nodes of Cassandra die and hang.

use std::sync::Mutex;
use std::time::Duration;

use reqwest::Method;
use tokio::time::sleep;

use crate::nodes::{Broken, Up, all_of};
use crate::report::Row;
use crate::rig::{MINUTE, Rig};

const CASSANDRA: Up = &["up", "cassandra"];

/// One of three is broken for a while.
async fn one_of_three(number: u8, fault: &'static str, signal: &'static str) {
    let nodes = all_of("cassandra");
    assert_eq!(nodes.len(), 3, "start three: PROFILE=full make test-faults");
    let (rig, mut row) = (Rig::open().await, Row::new(number, fault));
    rig.during(&mut row, 2 * MINUTE, async {
        sleep(Duration::from_secs(5)).await;
        let broken = Broken::by(signal, vec![nodes[2].clone()], CASSANDRA).await;
        sleep(Duration::from_secs(30)).await;
        broken.mend().await;
    })
    .await;
    row.share("writes", 0.99, rig.writes.share());
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
    row.share("503 with Retry-After", 1.0, (refused.into_inner().unwrap(), asked));
    row.within("slowest write", Duration::from_secs(2), rig.writes.longest());
    row.end();
}
