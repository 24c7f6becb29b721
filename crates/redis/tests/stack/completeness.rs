//! What was lost does not look like what never was.

use kudos_core::PortError;
use kudos_core::ports::LiveCounts;
use kudos_redis::RedisSettings;
use kudos_testkit::Scope;

use crate::support::{Cluster, cli, complete, mark_complete, open, start, state};

fn is_not_rebuilt<T: std::fmt::Debug>(answer: Result<T, PortError>) {
    let says_so =
        matches!(&answer, Err(PortError::Unavailable(why)) if why.contains("not rebuilt"));
    assert!(says_so, "{answer:?}");
}

#[tokio::test]
async fn an_empty_server_does_not_say_that_there_are_no_posts() {
    let server = start(&[]);
    let live = open(server.settings());
    assert_eq!(live.completeness().await, Ok(vec![0]));
    is_not_rebuilt(live.top(None, 10).await);
    is_not_rebuilt(live.recent(None, None, 10).await);
    mark_complete(&live).await;
    assert_eq!(live.completeness().await, Ok(vec![]));
    assert_eq!(live.top(None, 10).await, Ok(vec![]));
}

#[tokio::test]
async fn a_flush_is_noticed_and_likes_after_it_do_not_hide_it() {
    let cluster = Cluster::start(0, &[]);
    let live = complete(RedisSettings { shards: 8, ..cluster.settings() }).await;
    let scope = Scope::new();
    let states: Vec<_> = (0..50).map(|i| state(&scope.post(i), 1)).collect();
    live.merge(&states).await.expect("Redis takes it");
    cli(cluster.nodes[0].port, &["FLUSHALL"]);
    let lacking = live.completeness().await.expect("Redis answers");
    assert!(!lacking.is_empty() && lacking.len() < 8, "{lacking:?}");
    live.merge(&states[..10]).await.expect("Redis takes it");
    is_not_rebuilt(live.top(None, 10).await);
    assert_eq!(live.completeness().await, Ok(lacking));

    let load = live.begin_load().await.expect("Redis answers");
    live.merge(&states).await.expect("Redis takes it");
    live.mark_complete(&load).await.expect("nothing was lost");
    assert_eq!(live.top(None, 100).await.expect("the ranks answer").len(), 50);
}

#[tokio::test]
async fn a_flush_during_a_load_is_noticed_too() {
    let server = start(&[]);
    let live = open(server.settings());
    let load = live.begin_load().await.expect("Redis answers");
    cli(server.port, &["FLUSHALL"]);
    is_not_rebuilt(live.mark_complete(&load).await);
    is_not_rebuilt(live.top(None, 10).await);
}

#[tokio::test]
async fn loads_side_by_side_do_not_disturb_each_other_and_leave_nothing_behind() {
    let server = start(&[]);
    let live = open(server.settings());
    let (first, second) = (live.begin_load().await, live.begin_load().await);
    for load in [first, second] {
        live.mark_complete(&load.expect("Redis answers")).await.expect("nothing was lost");
    }
    assert_eq!(cli(server.port, &["ZRANGE", "posts:by_time", "0", "-1"]), "!complete");
    // A load that never ended is forgotten when one begins a week later.
    cli(server.port, &["ZADD", "posts:by_time", "-1600000000", "!loading:x"]);
    mark_complete(&live).await;
    assert_eq!(cli(server.port, &["ZRANGE", "posts:by_time", "0", "-1"]), "!complete");
}

#[tokio::test]
async fn another_number_of_shards_is_loaded_anew() {
    let server = start(&[]);
    let few = complete(RedisSettings { shards: 2, ..server.settings() }).await;
    let more = open(RedisSettings { shards: 4, ..server.settings() });
    assert_eq!(more.completeness().await, Ok(vec![0, 1, 2, 3]));
    is_not_rebuilt(more.top(None, 1).await);
    assert_eq!(few.top(None, 1).await, Ok(vec![]));
}
