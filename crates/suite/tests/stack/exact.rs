//! Is every copy EXACT?

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use kudos_core::{Clock, Millis, SystemClock};
use kudos_testkit::Scope;
use kudos_testkit::checker::{
    Checker, Client, Drive, Ledger, LiveReader, RecountReader, TruthReader, Workload,
};

use crate::support::{IndexReader, RollupReader, World};

/// Within how long of the last write all copies are equal.
const LIMIT: Duration = Duration::from_secs(5);
const CLIENTS: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn rows_counts_redis_the_index_the_rollup_and_the_history_are_equal_within_five_seconds() {
    let (world, scope) = (patient(World::open("exact").await), Scope::new());
    let (a, b, projector, _other) = futures::join!(
        world.start("reaction-write"),
        world.start("reaction-write"),
        world.start("projector"),
        world.start("projector"),
    );
    let workload = Workload {
        prefix: scope.to_string(),
        posts: 100,
        users: 1_000,
        operations: 5_000,
        ..Workload::default()
    };
    let posts = workload.stored(Millis(SystemClock.now().0 - 3_600_000));
    let store = a.api().patient();
    stream::iter(&posts).for_each_concurrent(16, |post| store.put_post(post)).await;

    let writers: Vec<Arc<dyn Client>> = vec![Arc::new(a.api()), Arc::new(b.api())];
    let drive = Drive::new(writers, Ledger::new(&posts), Duration::from_secs(30));
    drive.run(&workload, CLIENTS).await;
    assert!(drive.settle().await, "some operations were never answered");

    let truth = world.cassandra().await;
    let checker = Checker::new()
        .copy("truth", TruthReader(truth.store.clone()))
        .copy("recount", RecountReader(truth.store.clone()))
        .copy("redis", LiveReader(world.redis()))
        .copy("index", IndexReader(world.elastic()))
        .copy("rollup", RollupReader(truth.rollup.clone()));
    let verdict = checker.exact_within(LIMIT, &drive.ledger()).await.unwrap();
    assert!(verdict.is_exact(), "{verdict:#?}\n{}", projector.log());
}

/// Three nodes of Cassandra may share two cores with all others here: what is late there is waited
/// for, and what was missed all the same is swept within the limit.
fn patient(world: World) -> World {
    world
        .with("redis.response_ms", 1_000)
        .with("redis.total_ms", 2_000)
        .with("cassandra.window", "1s")
        .with("sweeper.call_ms", 5_000)
        .with("sweeper.rest_cap_ms", 1_000)
}
